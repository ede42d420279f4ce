import CommandLineTool

await runCommandLine()
