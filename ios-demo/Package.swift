// swift-tools-version: 6.0
// The demo's screen. On Apple's systems the views meet the real SwiftUI; elsewhere a
// small stand-in with the same names, so that they are type-checked on any machine.

import PackageDescription

#if os(macOS)
let swiftUI: [Target.Dependency] = []
let standIn: [Target] = []
#else
let swiftUI: [Target.Dependency] = ["SwiftUI"]
let standIn: [Target] = [.target(name: "SwiftUI", path: "StandIn/SwiftUI")]
#endif

let package = Package(
    name: "HandOverDemo",
    platforms: [.iOS(.v15), .macOS(.v13)],
    products: [.library(name: "HandOverViews", targets: ["HandOverViews"])],
    dependencies: [.package(name: "Lastmile", path: "../bindings/swift")],
    targets: [
        .target(name: "HandOver", dependencies: [.product(name: "Lastmile", package: "Lastmile")]),
        .target(
            name: "HandOverViews",
            dependencies: ["HandOver", .product(name: "Lastmile", package: "Lastmile")] + swiftUI),
        .testTarget(name: "HandOverTests", dependencies: ["HandOver", "HandOverViews"]),
    ] + standIn
)
