package io.lastmile

import java.io.IOException
import java.io.OutputStream
import java.net.HttpURLConnection
import java.net.URI
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext

/** What shows the hub who asks. Keep both in the Keystore; the session ends with the shift. */
class Tokens(val device: String, val session: String?) {
    constructor(enrolment: Enrolment) : this(enrolment.deviceToken, enrolment.sessionToken)

    /** Returns the header lines that a request asks for beside its own. */
    fun authorisation(request: HubRequest): List<Header> {
        val bearer = Header("authorization", "Bearer $device")
        return when (request.auth) {
            Auth.NONE -> emptyList()
            Auth.DEVICE -> listOf(bearer)
            Auth.DEVICE_AND_SESSION -> listOfNotNull(bearer, session?.let { Header("lastmile-session", it) })
        }
    }
}

/**
 * Carries requests to the hub: the one place of this library that meets a network.
 *
 * [HttpLink] does it with what the JDK and Android bring. An app with OkHttp implements [send]
 * in about 20 lines: method, path, header lines, those of [Tokens.authorisation], the body.
 * A body is at most 256 KiB of an opened photo, or a push: hand it on from memory. An app that must
 * write it to a file writes it outside the store's folder, and deletes it with the answer and at its
 * next start.
 */
fun interface HubLink {
    /**
     * Sends a request with these tokens. Every failure to get an answer is [HubReply.NoAnswer],
     * never an exception.
     */
    suspend fun send(request: HubRequest, tokens: Tokens?): HubReply
}

/**
 * Enrols this phone with the one-time code the station gave.
 *
 * Keep the enrolment ([enrolmentToJson]) in the Keystore: it opens the store from now on.
 * Throws [LastmileException.Hub]: `CodeSpent`, or `NoAnswer` without a signal.
 */
suspend fun HubLink.enrol(code: String, publicKey: String? = null): Enrolment =
    readEnrolment(send(enrolRequest(code, publicKey), null))

/**
 * Enrols this phone again as the device that it is, with a new one-time code and a badge of its own, over or not:
 * that of [Courier.badge] or of its enrolment.
 *
 * For a phone whose requests are all answered with `Unauthorised`: the hub was restored from a backup that is older
 * than the enrolment, or the phone has lost its tokens. Close the store and open it with the new enrolment: nothing
 * in it is lost.
 * Throws [LastmileException.Hub]: `CodeSpent`, `OtherHub` for a badge of another, or `NoAnswer` without a signal.
 */
suspend fun HubLink.enrolAgain(code: String, badge: String): Enrolment =
    readEnrolment(send(enrolAgainRequest(code, badge), null))

/** A link over `HttpURLConnection`. [hub] is the hub's address, `https://…`, without a path. */
class HttpLink(private val hub: String) : HubLink {
    override suspend fun send(request: HubRequest, tokens: Tokens?): HubReply = withContext(Dispatchers.IO) {
        try {
            exchange(request, tokens?.authorisation(request).orEmpty())
        } catch (_: IOException) {
            HubReply.NoAnswer
        }
    }

    private fun exchange(request: HubRequest, authorisation: List<Header>): HubReply {
        val connection = URI(hub.trimEnd('/') + request.path).toURL().openConnection() as HttpURLConnection
        try {
            connection.connectTimeout = CONNECT_MS
            connection.readTimeout = READ_MS
            connection.instanceFollowRedirects = false
            connection.useCaches = false
            for (line in request.headers + authorisation) {
                connection.setRequestProperty(line.name, line.value)
            }
            if (request.method == "PATCH") {
                // The JDK's client knows no PATCH; the hub and every tus server take this instead.
                connection.requestMethod = "POST"
                connection.setRequestProperty("x-http-method-override", "PATCH")
            } else {
                connection.requestMethod = request.method
            }
            write(request, connection)
            return answer(connection)
        } finally {
            connection.disconnect()
        }
    }

    private fun write(request: HubRequest, connection: HttpURLConnection) {
        when (val body = request.body) {
            is Body.Empty -> if (connection.requestMethod == "POST") connection.send(0) {}
            is Body.Bytes -> connection.send(body.bytes.size.toLong()) { it.write(body.bytes) }
        }
    }

    private fun answer(connection: HttpURLConnection): HubReply {
        val status = connection.responseCode
        if (status < 0) throw IOException("not HTTP")
        val headers = connection.headerFields.orEmpty().flatMap { (name, values) ->
            if (name == null) emptyList() else values.map { Header(name, it) }
        }
        val stream = if (status >= 400) connection.errorStream else connection.inputStream
        val body = stream?.use { it.readBytes() } ?: ByteArray(0)
        return HubReply.Answer(status.toUShort(), headers, body)
    }

    private companion object {
        const val CONNECT_MS = 15_000
        const val READ_MS = 60_000
    }
}

private fun HttpURLConnection.send(length: Long, write: (OutputStream) -> Unit) {
    doOutput = true
    setFixedLengthStreamingMode(length)
    outputStream.use(write)
}
