package io.lastmile.demo

/** What the screen shows, free of Android so that a plain test can hold it. */
class HandOverScreen(version: String) {
    val title: String = "Lastmile $version"
}
