package io.lastmile

/** Just enough JSON for scenario files: maps, lists, strings, and other literals as [Raw]. */
object Json {
    /** A number, `true`, `false` or `null`, as written. */
    data class Raw(val text: String)

    fun parse(text: String): Any = Reader(text).run { value().also { end() } }

    fun write(value: Any?): String = when (value) {
        is Map<*, *> -> value.entries.joinToString(",", "{", "}") { "${write(it.key)}:${write(it.value)}" }
        is List<*> -> value.joinToString(",", "[", "]") { write(it) }
        is Raw -> value.text
        else -> value.toString().replace("\\", "\\\\").replace("\"", "\\\"").let { "\"$it\"" }
    }

    private class Reader(private val text: String) {
        private var at = 0

        fun value(): Any = when (peek()) {
            '{' -> many('{', '}') { string().also { take(':') } to value() }.toMap()
            '[' -> many('[', ']') { value() }
            '"' -> string()
            else -> Raw(text.substring(at, text.indexOfAny(charArrayOf(',', '}', ']', ' ', '\n'), at)).also { at += it.length })
        }

        fun end() = check(text.substring(at).isBlank()) { "more behind the end" }

        private fun peek(): Char {
            while (text[at].isWhitespace()) at++
            return text[at]
        }

        private fun take(char: Char) {
            check(peek() == char) { "expected $char at $at" }
            at++
        }

        private fun <T> many(open: Char, close: Char, one: () -> T): List<T> = buildList {
            take(open)
            while (peek() != close) {
                add(one())
                if (peek() == ',') at++
            }
            take(close)
        }

        private fun string(): String {
            take('"')
            val out = StringBuilder()
            while (text[at] != '"') {
                if (text[at] == '\\') at++ // the files escape nothing but quotes
                out.append(text[at++])
            }
            at++
            return out.toString()
        }
    }
}
