import TelemetryModel
import WireFormats

/// What requests for spans and for logs have around their records, alike.
extension OTLPTraceProtobufDecoder {
  /// What is in field 1, again and again: the batches of a whole request, the values of a list.
  mutating func items<Item>(
    _ bytes: RawSpan, _ read: (inout OTLPTraceProtobufDecoder, RawSpan) throws -> Item
  ) throws -> [Item] {
    var items: [Item] = []
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      guard reader.field == 1 else {
        try reader.skip()
        continue
      }
      items.append(try read(&self, try reader.bytes()))
    }
    return items
  }

  /// The resource of a batch and its groups by scope.
  mutating func groups<Group>(
    _ bytes: RawSpan, _ read: (inout OTLPTraceProtobufDecoder, RawSpan) throws -> Group
  ) throws -> (Resource, [Group]) {
    var resource = Resource()
    var groups: [Group] = []
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      switch reader.field {
      case 1: try self.resource(try reader.bytes(), into: &resource)
      case 2:
        try budget.countValue()
        groups.append(try read(&self, try reader.bytes()))
      case 3: resource.schemaURL = try reader.string()
      default: try reader.skip()
      }
    }
    return (resource, groups)
  }

  /// The scope of a group and its records.
  mutating func records<Record>(
    _ bytes: RawSpan, _ read: (inout OTLPTraceProtobufDecoder, RawSpan) throws -> Record
  ) throws -> (InstrumentationScope, [Record]) {
    var scope = InstrumentationScope()
    var records: [Record] = []
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      switch reader.field {
      case 1: try self.scope(try reader.bytes(), into: &scope)
      case 2:
        try budget.countSpan()
        records.append(try read(&self, try reader.bytes()))
      case 3: scope.schemaURL = try reader.string()
      default: try reader.skip()
      }
    }
    return (scope, records)
  }

  private mutating func resource(_ bytes: RawSpan, into resource: inout Resource) throws {
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      switch reader.field {
      case 1: resource.attributes.append(try attribute(try reader.bytes(), depth: 0))
      case 2: resource.droppedAttributesCount = try reader.uint32()
      default: try reader.skip()
      }
    }
  }

  private mutating func scope(_ bytes: RawSpan, into scope: inout InstrumentationScope) throws {
    var reader = ProtobufReader(bytes)
    while try reader.nextField() {
      switch reader.field {
      case 1: scope.name = try reader.string()
      case 2: scope.version = try reader.string()
      case 3: scope.attributes.append(try attribute(try reader.bytes(), depth: 0))
      case 4: scope.droppedAttributesCount = try reader.uint32()
      default: try reader.skip()
      }
    }
  }
}
