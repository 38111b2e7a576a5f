package io.lastmile

import kotlin.test.Test
import kotlin.test.assertTrue

class SmokeTest {
    @Test
    fun theLibraryLoadsAndTellsItsVersion() {
        Lastmile().use { lastmile -> assertTrue(Regex("""\d+\.\d+\.\d+""").matches(lastmile.version())) }
    }
}
