package io.lastmile

import java.io.File
import java.io.IOException
import java.io.OutputStream
import java.io.RandomAccessFile
import java.net.HttpURLConnection
import java.net.URI
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext

/** What shows the hub who asks. Keep both in the Keystore; the session ends with the shift. */
class Tokens(val device: String, val session: String?) {
    constructor(enrolment: Enrolment) : this(enrolment.deviceToken, enrolment.sessionToken)
}

/**
 * Carries requests to the hub: the one place of this library that meets a network.
 *
 * [HttpLink] does it with what the JDK and Android bring. An app with OkHttp implements [send]
 * in about 20 lines: method, path, header lines, the tokens that [authorisation] gives, the body;
 * `Body.File` as a `RequestBody` that copies a stretch of the file.
 */
interface HubLink {
    /** The tokens to add. `null` before the phone is enrolled. */
    var tokens: Tokens?

    /** Sends a request. Every failure to get an answer is [HubReply.NoAnswer], never an exception. */
    suspend fun send(request: HubRequest): HubReply
}

/** Returns the header lines that a request asks for beside its own. */
fun HubLink.authorisation(request: HubRequest): List<Header> {
    val tokens = this.tokens ?: return emptyList()
    val device = Header("authorization", "Bearer ${tokens.device}")
    val session = tokens.session?.let { Header("lastmile-session", it) }
    return when (request.auth) {
        Auth.NONE -> emptyList()
        Auth.DEVICE -> listOf(device)
        Auth.DEVICE_AND_SESSION -> listOfNotNull(device, session)
    }
}

/**
 * Enrols this phone with the one-time code the station gave, and takes the tokens into the link.
 *
 * Keep the enrolment ([enrolmentToJson]) in the Keystore: it opens the store from now on.
 * Throws [LastmileException.Hub]: `CodeSpent`, or `NoAnswer` without a signal.
 */
suspend fun HubLink.enrol(code: String, publicKey: String? = null): Enrolment {
    val enrolment = readEnrolment(send(enrolRequest(code, publicKey)))
    tokens = Tokens(enrolment)
    return enrolment
}

/** A link over `HttpURLConnection`. [hub] is the hub's address, `https://…`, without a path. */
class HttpLink(private val hub: String, @Volatile override var tokens: Tokens? = null) : HubLink {
    override suspend fun send(request: HubRequest): HubReply = withContext(Dispatchers.IO) {
        try {
            exchange(request)
        } catch (_: IOException) {
            HubReply.NoAnswer
        }
    }

    private fun exchange(request: HubRequest): HubReply {
        val connection = URI(hub.trimEnd('/') + request.path).toURL().openConnection() as HttpURLConnection
        try {
            connection.connectTimeout = CONNECT_MS
            connection.readTimeout = READ_MS
            connection.instanceFollowRedirects = false
            connection.useCaches = false
            for (line in request.headers + authorisation(request)) {
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
            is Body.File -> connection.send(body.len.toLong()) { out ->
                copy(File(body.path), body.offset.toLong(), body.len.toLong(), out)
            }
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

/** Copies a stretch of a file, so that a video never lies in memory. */
private fun copy(file: File, offset: Long, length: Long, out: OutputStream) {
    RandomAccessFile(file, "r").use { from ->
        from.seek(offset)
        val buffer = ByteArray(64 * 1024)
        var left = length
        while (left > 0) {
            val read = from.read(buffer, 0, minOf(left, buffer.size.toLong()).toInt())
            if (read < 0) throw IOException("the file ended early")
            out.write(buffer, 0, read)
            left -= read
        }
    }
}
