// swift-tools-version: 6.0
// Lastmile for Swift. `cargo xtask swift-test` generates the sources below
// Sources/Lastmile/Generated and Sources/LastmileFFI; they are never committed.

import PackageDescription

let package = Package(
    name: "Lastmile",
    platforms: [.iOS(.v15), .macOS(.v13)],
    products: [.library(name: "Lastmile", targets: ["Lastmile"])],
    targets: [
        // The C functions of the Rust library.
        .systemLibrary(name: "LastmileFFI"),
        // Generated code and the facade in one module, in Swift 6 mode: it passes as
        // long as no foreign trait is async (docs/decisions/0003-one-package-two-crates.md).
        .target(name: "Lastmile", dependencies: ["LastmileFFI"]),
        .testTarget(name: "LastmileTests", dependencies: ["Lastmile"]),
    ]
)
