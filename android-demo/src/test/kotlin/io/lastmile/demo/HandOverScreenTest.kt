package io.lastmile.demo

import kotlin.test.Test
import kotlin.test.assertEquals

class HandOverScreenTest {
    @Test
    fun theTitleNamesTheVersion() {
        assertEquals("Lastmile 1.2.3", HandOverScreen("1.2.3").title)
    }
}
