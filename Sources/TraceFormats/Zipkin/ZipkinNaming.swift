/// Names that the OpenTelemetry Collector uses when it turns spans into Zipkin's and back.
enum ZipkinNaming {
  static let noServiceName = "OTLPResourceNoServiceName"
  /// Holds the attribute that a service's name was taken from when it was not `service.name`.
  static let serviceNameSource = "otlp.service.name.source"
  /// Set on spans that came without a start.
  static let startTimeAbsent = "otel.zipkin.absentField.startTime"
  static let libraryName = "otel.library.name"
  static let libraryVersion = "otel.library.version"
  static let statusCode = "otel.status_code"
  static let statusDescription = "otel.status_description"
  static let traceState = "w3c.tracestate"
  static let linkPrefix = "otlp.link."

  static let localAddress = "network.local.address"
  static let localPort = "net.host.port"
  static let remoteAddress = "network.peer.address"
  static let remotePort = "net.peer.port"
  static let remoteServiceName = "service.peer.name"
  static let olderRemoteServiceName = "peer.service"

  /// What stands in for `service.name`, best first.
  static let serviceNameSubstitutes = [
    "faas.name", "k8s.deployment.name", "process.executable.name",
  ]

  /// Tags that describe what made the span rather than the span: OpenTelemetry's semantic
  /// conventions for resources, version 1.6.1.
  static let resourceKeys: Set<String> = [
    "aws.ecs.cluster.arn", "aws.ecs.container.arn", "aws.ecs.launchtype", "aws.ecs.task.arn",
    "aws.ecs.task.family", "aws.ecs.task.revision", "aws.eks.cluster.arn", "aws.log.group.arns",
    "aws.log.group.names", "aws.log.stream.arns", "aws.log.stream.names", "cloud.account.id",
    "cloud.availability_zone", "cloud.platform", "cloud.provider", "cloud.region",
    "container.id", "container.image.name", "container.image.tag", "container.name",
    "container.runtime", "deployment.environment", "device.id", "device.manufacturer",
    "device.model.identifier", "device.model.name", "faas.id", "faas.instance",
    "faas.max_memory", "faas.name", "faas.version", "host.arch", "host.id", "host.image.id",
    "host.image.name", "host.image.version", "host.name", "host.type", "k8s.cluster.name",
    "k8s.container.name", "k8s.container.restart_count", "k8s.cronjob.name", "k8s.cronjob.uid",
    "k8s.daemonset.name", "k8s.daemonset.uid", "k8s.deployment.name", "k8s.deployment.uid",
    "k8s.job.name", "k8s.job.uid", "k8s.namespace.name", "k8s.node.name", "k8s.node.uid",
    "k8s.pod.name", "k8s.pod.uid", "k8s.replicaset.name", "k8s.replicaset.uid",
    "k8s.statefulset.name", "k8s.statefulset.uid", "os.description", "os.name", "os.type",
    "os.version", "process.command", "process.command_args", "process.command_line",
    "process.executable.name", "process.executable.path", "process.owner", "process.pid",
    "process.runtime.description", "process.runtime.name", "process.runtime.version",
    "service.instance.id", "service.name", "service.namespace", "service.version",
    "telemetry.auto.version", "telemetry.sdk.language", "telemetry.sdk.name",
    "telemetry.sdk.version", "webengine.description", "webengine.name", "webengine.version",
  ]
}
