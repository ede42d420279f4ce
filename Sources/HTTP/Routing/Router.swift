/// Finds the handler for a request by its method and path.
///
/// A pattern is a path whose segments are literal, `{name}` for any one segment, or as its last
/// `{name...}` for all that follow. Literal segments win over parameters. Segments are compared
/// after decoding, one by one, so that an escaped slash never leads elsewhere. GET serves HEAD too.
/// What has no route is answered 404, a known path with another method 405 with `Allow`, and a
/// path that cannot be decoded 400; the listener's ``ErrorBody`` says in which form.
package struct Router: Sendable {
  private struct Route: Sendable {
    let names: [String]
    let handler: HTTPHandler
  }

  private struct Node: Sendable {
    var literals: [String: Int] = [:]
    var parameter: Int?
    var routes: [HTTPMethod: Route] = [:]
    var tails: [HTTPMethod: Route] = [:]
  }

  private var nodes = [Node()]
  private var grpcMethods: [String: GRPCMethod] = [:]
  private var grpcMessageBytesMax = 16 << 20
  /// Whether OPTIONS tells the methods of a path; else it is one more that is not allowed.
  package var answersOptions = true

  package init() {}

  /// Adds a route; the same method and pattern again is a mistake of ours and traps.
  package mutating func on(
    _ method: HTTPMethod, _ pattern: String, _ handler: @escaping HTTPHandler
  ) {
    on([method], pattern, handler)
  }

  /// Adds a route for several methods.
  package mutating func on(
    _ methods: [HTTPMethod], _ pattern: String, _ handler: @escaping HTTPHandler
  ) {
    precondition(pattern.hasPrefix("/"), "a pattern begins with a slash")
    var names: [String] = []
    var node = 0
    var isTail = false
    for segment in pattern.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
      precondition(!isTail, "nothing follows a tail")
      guard segment.hasPrefix("{"), segment.hasSuffix("}") else {
        node = child(of: node, literal: String(segment))
        continue
      }
      var name = String(segment.dropFirst().dropLast())
      if name.hasSuffix("...") {
        isTail = true
        name.removeLast(3)
      } else {
        node = parameterChild(of: node)
      }
      names.append(name)
    }
    let route = Route(names: names, handler: handler)
    for method in methods {
      if isTail {
        precondition(nodes[node].tails[method] == nil, "\(method) \(pattern) is routed twice")
        nodes[node].tails[method] = route
      } else {
        precondition(nodes[node].routes[method] == nil, "\(method) \(pattern) is routed twice")
        nodes[node].routes[method] = route
      }
    }
  }

  /// Adds a unary gRPC method, as in `/package.Service/Method`.
  ///
  /// Messages of more than `messageBytesMax` bytes, before or after inflating, are answered with
  /// `RESOURCE_EXHAUSTED`; the largest limit given counts for all methods of this router.
  package mutating func grpc(
    _ path: String, messageBytesMax: Int = 16 << 20, _ method: @escaping GRPCMethod
  ) {
    precondition(grpcMethods[path] == nil, "\(path) is routed twice")
    grpcMethods[path] = method
    grpcMessageBytesMax = max(grpcMessageBytesMax, messageBytesMax)
  }

  private mutating func child(of node: Int, literal: String) -> Int {
    if let found = nodes[node].literals[literal] { return found }
    nodes.append(Node())
    nodes[node].literals[literal] = nodes.count - 1
    return nodes.count - 1
  }

  private mutating func parameterChild(of node: Int) -> Int {
    if let found = nodes[node].parameter { return found }
    nodes.append(Node())
    nodes[node].parameter = nodes.count - 1
    return nodes.count - 1
  }

  // MARK: Finding

  /// What a listener takes.
  package var handler: HTTPHandler {
    let router = self
    return { request, writer in
      if request.headers["content-type"]?.hasPrefix("application/grpc") == true,
        request.method == .post
      {
        await GRPCCall(request: request, writer: writer, bytesMax: router.grpcMessageBytesMax)
          .serve(router.grpcMethods[request.target.rawPath])
        return
      }
      let (route, values) = try router.find(request)
      var routed = request
      for (name, value) in zip(route.names, values) { routed.parameters[name] = value }
      try await route.handler(routed, writer)
    }
  }

  private func find(_ request: Request) throws(HTTPError) -> (Route, [String]) {
    if request.target.raw == "*", request.method == .options {
      throw HTTPError(status: .noContent, "", headers: ["allow": "GET, HEAD, POST, OPTIONS"])
    }
    guard let segments = request.target.segments else {
      throw .malformed("the path “\(request.target.rawPath)” cannot be decoded")
    }
    var allowed: Set<HTTPMethod> = []
    if let found = search(0, segments[...], [], request.method, &allowed) { return found }
    guard !allowed.isEmpty else {
      throw HTTPError(status: .notFound, "there is nothing at \(request.target.rawPath)")
    }
    if allowed.contains(.get) { allowed.insert(.head) }
    if answersOptions { allowed.insert(.options) }
    let list = allowed.map(\.description).sorted().joined(separator: ", ")
    if answersOptions, request.method == .options {
      throw HTTPError(status: .noContent, "", headers: ["allow": list])
    }
    throw HTTPError(
      status: .methodNotAllowed,
      "\(request.target.rawPath) does not take \(request.method); use \(list)",
      headers: ["allow": list])
  }

  /// Literals first, then the parameter, then the tail; `allowed` gathers what other methods fit.
  private func search(
    _ index: Int, _ segments: ArraySlice<String>, _ values: [String], _ method: HTTPMethod,
    _ allowed: inout Set<HTTPMethod>
  ) -> (Route, [String])? {
    let node = nodes[index]
    guard let first = segments.first else {
      if let route = pick(node.routes, method, &allowed) { return (route, values) }
      return nil
    }
    let rest = segments.dropFirst()
    if let next = node.literals[first],
      let found = search(next, rest, values, method, &allowed)
    {
      return found
    }
    if let next = node.parameter, !first.isEmpty,
      let found = search(next, rest, values + [first], method, &allowed)
    {
      return found
    }
    // A tail may become a file's name: nothing in it may climb or hide a slash.
    let isPlain = segments.allSatisfy { segment in
      segment != "." && segment != ".." && !segment.utf8.contains(0x2f)
        && !segment.utf8.contains(0)
    }
    if isPlain, let route = pick(node.tails, method, &allowed) {
      return (route, values + [segments.joined(separator: "/")])
    }
    return nil
  }

  private func pick(
    _ routes: [HTTPMethod: Route], _ method: HTTPMethod, _ allowed: inout Set<HTTPMethod>
  ) -> Route? {
    if let route = routes[method] { return route }
    if method == .head, let route = routes[.get] { return route }
    allowed.formUnion(routes.keys)
    return nil
  }
}
