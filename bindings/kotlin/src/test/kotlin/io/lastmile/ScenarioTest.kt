package io.lastmile

import java.io.File
import java.net.HttpURLConnection
import java.net.URI
import java.nio.file.Files
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking

/** Plays the files of `tests/scenarios` through the facade, against hubs on ports. */
class ScenarioTest {
    @Test
    fun theFirstHandOverReachesAHubProcess() = runBlocking {
        val (hub, code) = setting("LASTMILE_HUB") to setting("LASTMILE_CODE")
        play(hub, setting("LASTMILE_CLERK"), code, "first_handover.json")
        val again = assertFailsWith<LastmileException.Hub> { HttpLink(hub).enrol(code) }
        assertEquals("CodeSpent", again.code)
    }

    @Test
    fun everyScenarioOfOnePhoneComesOutAsWritten() = runBlocking {
        val stage = Json.parse(setting("LASTMILE_STAGE")) as List<*>
        assertTrue(stage.isNotEmpty())
        for (place in stage.map { it as Map<*, *> }) {
            val (hub, clerk, code, file) = listOf("hub", "clerk", "code", "file").map { place[it] as String }
            play(hub, clerk, code, file)
        }
    }

    private suspend fun play(hub: String, clerk: String, code: String, file: String) {
        val link = HttpLink(hub)
        val folder = Files.createTempDirectory("lastmile").toFile()
        val enrolment = link.enrol(code)
        val newCode = Courier.open(folder, STORE_KEY, enrolment).use { courier ->
            val runner = Runner(courier, link, folder, hub, clerk)
            runner.play("setup.json")
            runner.play(file)
            runner.newCode(enrolment.courier)
        }
        val again = link.enrolAgain(newCode, assertNotNull(enrolment.badge))
        assertEquals(enrolment.device, again.device)
        Courier.open(folder, STORE_KEY, again).use { assertNull(it.sync(link).problem, file) }
        folder.deleteRecursively()
    }
}

private class Runner(
    val courier: Courier,
    val link: HttpLink,
    val folder: File,
    val hub: String,
    val clerk: String,
) {
    private val kept = mutableMapOf<String, Any>()
    private var recorded: Recorded? = null

    /** One moment for a whole scenario: two texts that name the same time mean the same. */
    private val startedMs = System.currentTimeMillis()

    suspend fun play(name: String) {
        val file = File(setting("LASTMILE_TESTS"), "scenarios/$name")
        val steps = (Json.parse(file.readText()) as Map<*, *>)["steps"] as List<*>
        steps.forEachIndexed { number, step ->
            val at = "$name, step ${number + 1}"
            try {
                play(filled(step) as Map<*, *>, at)
            } catch (unexpected: LastmileException) {
                throw AssertionError(at, unexpected)
            }
        }
    }

    private suspend fun play(step: Map<*, *>, at: String) {
        when {
            "clerk" in step -> accepted(desk("POST", "/v1/clerk/commands", step["clerk"]), step, at)
            "desk" in step -> accepted(desk(step["desk"] as String, step["path"] as String, step["body"]), step, at)
            "case" in step -> kept[step["case"] as String] = courier.newCase()
            "keep" in step -> kept[step["keep"] as String] = pointed(state(step), step["at"] as String)
            "capture" in step -> capture(step["capture"] as Map<*, *>)
            "record" in step && "against" in step ->
                recorded = courier.recordDone(command(step["record"]), step["against"] as String)
            "record" in step -> recorded = courier.record(command(step["record"]))
            "refused" in step -> {
                val refused = assertFailsWith<LastmileException.Refused>(at) {
                    courier.record(command(step["command"]))
                }
                assertEquals(step["refused"], refused.code, at)
            }
            "sync" in step -> {
                courier.pullSoon()
                assertEquals(SyncReport(null, null), courier.sync(link), at)
            }
            "pending" in step ->
                assertEquals((step["pending"] as Json.Raw).text, "${courier.status.first().pending}", at)
            "history" in step -> {
                val history = courier.history(step["history"] as String).first()
                val last = history.last { it.kind == step["kind"] }
                assertEquals(step["progress"], name(last.progress), at)
                recorded?.takeIf { step["progress"] == "confirmed" && last.event in it.events }?.let {
                    assertTrue(courier.waitUntilConfirmed(it), at)
                }
            }
            "state" in step -> {
                val found = pointed(state(step), step["at"] as String? ?: "")
                assertEquals(step["is"] ?: NOTHING, found, at)
            }
            else -> error("$at: unknown step")
        }
    }

    /** The lane as the phone folds it, or the hub, without the name of its kind around it. */
    private suspend fun state(step: Map<*, *>): Any {
        val lane = step["state"] as String
        val state = if ("hub" in step) {
            (Json.parse(desk("GET", "/v1/clerk/lanes/$lane", null).second) as Map<*, *>)["state"]
        } else {
            courier.laneAsJson(lane)?.let(Json::parse)
        }
        return (state as? Map<*, *>)?.values?.first() ?: NOTHING
    }

    /** Follows a JSON pointer. What is not there is `null`. */
    private fun pointed(value: Any, pointer: String): Any =
        pointer.split("/").drop(1).fold(value) { part, name ->
            when (part) {
                is Map<*, *> -> part[name]
                is List<*> -> part.getOrNull(name.toInt())
                else -> null
            } ?: NOTHING
        }

    private suspend fun capture(capture: Map<*, *>) {
        // The camera wrote a file into the capture folder.
        val photo = File(Courier.captureFolder(folder), "door.jpg")
        File(setting("LASTMILE_TESTS"), "fixtures/media/door.jpg").copyTo(photo, overwrite = true)
        val evidence = courier.capture(capture["lane"] as String, photo)
        kept[capture["as"] as String] = Json.parse(evidenceToJson(evidence) + "\n")
    }

    /** Puts what was kept where a text says `$name`, and a time where one says `now+minutes`. */
    private fun filled(value: Any?): Any? = when (value) {
        is String -> when {
            value.startsWith("$") -> kept.getValue(value.drop(1))
            "$" in value -> value.substringBefore("$") + kept.getValue(value.substringAfter("$"))
            MINUTES.matches(value) ->
                Json.Raw("${startedMs + value.drop(3).toLong() * 60_000}")
            else -> value
        }
        is List<*> -> value.map { filled(it) }
        is Map<*, *> -> value.mapValues { filled(it.value) }
        else -> value
    }

    private fun command(json: Any?): Command = commandFromJson(Json.write(json))

    private fun name(progress: EventProgress): String = when (progress) {
        is EventProgress.Recorded -> "recorded"
        is EventProgress.MediaPending -> "media_pending"
        is EventProgress.Confirmed -> "confirmed"
        is EventProgress.Parked -> "parked"
    }

    /** Holds the desk's answer to `refused`, or to success. */
    private fun accepted(answer: Pair<Int, String>, step: Map<*, *>, at: String) {
        val (status, body) = answer
        val code = step["refused"]
        if (code == null) assertTrue(status < 300, "$at: $body")
        else assertEquals(code, (Json.parse(body) as Map<*, *>)["code"], at)
    }

    /** The code with which this courier comes in another time. */
    fun newCode(courier: String): String {
        val answer = desk("POST", "/v1/clerk/codes", mapOf("courier" to courier)).second
        return (Json.parse(answer) as Map<*, *>)["code"] as String
    }

    private fun desk(method: String, path: String, body: Any?): Pair<Int, String> {
        val connection = URI(hub + path).toURL().openConnection() as HttpURLConnection
        connection.requestMethod = method
        connection.setRequestProperty("authorization", "Bearer $clerk")
        if (body != null) {
            connection.setRequestProperty("content-type", "application/json")
            connection.doOutput = true
            connection.outputStream.use { it.write(Json.write(body).toByteArray()) }
        }
        val answer = if (connection.responseCode < 300) connection.inputStream else connection.errorStream
        return connection.responseCode to (answer?.use { it.readBytes().decodeToString() } ?: "")
    }

    private companion object {
        val NOTHING = Json.Raw("null")
        val MINUTES = Regex("now[+-]\\d+")
    }
}

/** Reads what `cargo xtask kotlin-test` says about the hubs it started. */
private fun setting(name: String): String =
    System.getenv(name) ?: error("$name is not set; run the tests with: cargo xtask kotlin-test")
