// Packs the Kotlin package and the native libraries as an AAR.
//
// Not built by `cargo xtask`: it needs the Android Gradle plugin and the NDK. What the
// checks do build and run is the same Kotlin, on the JVM. Before a build:
//   cargo xtask kotlin-test      generates the sources
//   cargo ndk -t arm64-v8a -t armeabi-v7a -t x86_64 -o bindings/kotlin/build/jniLibs build --profile mobile -p lastmile-ffi

plugins {
    id("com.android.library") version "9.0.1"
}

android {
    namespace = "io.lastmile"
    compileSdk = 36

    defaultConfig {
        // java.time without desugaring.
        minSdk = 26
        consumerProguardFiles("consumer-rules.pro")
    }

    sourceSets["main"].apply {
        kotlin.srcDirs("src/main/kotlin", "generated")
        jniLibs.srcDir("build/jniLibs")
    }
}

dependencies {
    // 5.18 is the first line whose libraries load on 16 KB pages.
    api("net.java.dev.jna:jna:5.18.1@aar")
    api("org.jetbrains.kotlinx:kotlinx-coroutines-core:1.11.0")
}
