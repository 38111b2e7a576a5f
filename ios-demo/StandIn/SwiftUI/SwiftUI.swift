// The few names of SwiftUI that the demo's views use, for type-checking away from
// Apple's systems. It draws nothing and proves nothing about SwiftUI itself.

@MainActor @preconcurrency
public protocol View {
    associatedtype Body: View
    @ViewBuilder var body: Body { get }
}

extension View {
    public func task(_ action: @escaping @MainActor @Sendable () async -> Void) -> some View { self }
}

extension Never: View {
    public var body: Never { fatalError("a stand-in has no body") }
}

@resultBuilder
public enum ViewBuilder {
    public static func buildBlock<each Content: View>(_ content: repeat each Content) -> Group<repeat each Content> {
        Group()
    }
    public static func buildBlock<Content: View>(_ content: Content) -> Content { content }
}

public struct Group<each Content: View>: View {
    public var body: Never { fatalError("a stand-in has no body") }
}

public struct VStack<Content: View>: View {
    public init(@ViewBuilder content: () -> Content) {}
    public var body: Never { fatalError("a stand-in has no body") }
}

public struct List<Items: RandomAccessCollection, Row: View>: View where Items.Element: Identifiable {
    public init(_ items: Items, @ViewBuilder row: @escaping (Items.Element) -> Row) {}
    public var body: Never { fatalError("a stand-in has no body") }
}

public struct Text: View {
    public init(_ text: String) {}
    public var body: Never { fatalError("a stand-in has no body") }
}

public struct Button: View {
    public init(_ title: String, action: @escaping @MainActor () -> Void) {}
    public var body: Never { fatalError("a stand-in has no body") }
}

public struct TextField: View {
    public init(_ title: String, text: Binding<String>) {}
    public var body: Never { fatalError("a stand-in has no body") }
}

@propertyWrapper
public struct Binding<Value> {
    public var wrappedValue: Value
    public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
}

@propertyWrapper
public struct State<Value> {
    private final class Box {
        var value: Value
        init(_ value: Value) { self.value = value }
    }
    private let box: Box
    public init(wrappedValue: Value) { box = Box(wrappedValue) }
    public var wrappedValue: Value {
        get { box.value }
        nonmutating set { box.value = newValue }
    }
    public var projectedValue: Binding<Value> { Binding(wrappedValue: box.value) }
}
