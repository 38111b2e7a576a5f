package io.lastmile.demo

import android.app.Activity
import android.os.Bundle
import android.widget.TextView
import io.lastmile.Lastmile

/** The demo's one screen. What it shows is decided in [HandOverScreen]. */
class HandOverActivity : Activity() {
    private lateinit var lastmile: Lastmile

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.hand_over)
        lastmile = Lastmile()
        val screen = HandOverScreen(lastmile.version())
        findViewById<TextView>(R.id.version).text = screen.title
    }

    override fun onDestroy() {
        lastmile.close()
        super.onDestroy()
    }
}
