import CommandLineTool

prepareProcess()
await runCommandLine()
