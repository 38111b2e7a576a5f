//! Two UniFFI crates in one Kotlin package.
//!
//! The generator repeats its runtime (`RustBuffer`, `FfiConverter`, the library's
//! functions) in each crate's file, and Kotlin refuses a name declared twice in a
//! package. Both crates live in one library and share its allocator, so core's
//! file can use the runtime in the binding's file: every top-level declaration
//! that opens with the same line there is taken out of core's file. The binding's
//! file in turn imports core's `RustBuffer` under an alias per type, and in Kotlin
//! an alias for a name of one's own package hides the name itself: these go too.
//! The reasons and the ways not taken: docs/decisions/0003-one-package-two-crates.md.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

const MODIFIERS: [&str; 11] = [
    "public", "internal", "private", "open", "abstract", "sealed", "data", "enum", "inline",
    "const", "suspend",
];
const KEYWORDS: [&str; 7] = ["class", "interface", "object", "fun", "val", "var", "typealias"];

/// How the binding's file imports core's copy of the buffer.
const ALIAS: &str = "import io.lastmile.RustBuffer as ";

/// Makes the generated files of both crates, in one folder, fit each other.
pub fn merge(package: &Path) -> Result<()> {
    let core = package.join("lastmile_core.kt");
    if !core.exists() {
        return Ok(());
    }
    let ffi = package.join("lastmile_ffi.kt");
    let binding = fs::read_to_string(&ffi)?;
    fs::write(&core, without(&fs::read_to_string(&core)?, &binding)?)?;
    fs::write(&ffi, unaliased(&binding))?;
    Ok(())
}

/// Returns `binding` with one name for the one buffer.
fn unaliased(binding: &str) -> String {
    let aliases = binding.lines().filter_map(|line| line.strip_prefix(ALIAS));
    let kept: String =
        binding.split_inclusive('\n').filter(|line| !line.starts_with(ALIAS)).collect();
    aliases.fold(kept, |text, alias| text.replace(&format!("{alias}."), "RustBuffer."))
}

/// Returns `core` without the declarations that `binding` makes too.
fn without(core: &str, binding: &str) -> Result<String> {
    let made: HashSet<&str> = binding.lines().filter_map(opening).collect();
    let kept: String = declarations(core)
        .into_iter()
        .filter(|it| !it.lines().find_map(opening).is_some_and(|it| made.contains(it)))
        .collect();
    // What is left must not reach for core's own functions: they went with the runtime.
    if let Some(line) = kept.lines().find(|line| line.contains("UniffiLib.")) {
        bail!(
            "lastmile-core exports a function, method or object over UniFFI:\n  {}\n\
             core gives records, enums and custom types; the rest belongs in bindings/",
            line.trim()
        );
    }
    Ok(kept)
}

/// Cuts a source into its top-level declarations, each with the comments and
/// annotations above it. The first piece also holds the imports.
fn declarations(source: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut above = String::new();
    for line in source.split_inclusive('\n') {
        if is_above(line) {
            above.push_str(line);
            continue;
        }
        if opening(line).is_some() {
            pieces.push(String::new());
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push_str(&std::mem::take(&mut above));
            piece.push_str(line);
        }
    }
    pieces
}

/// Tells whether a line is a comment or an annotation at the left margin.
fn is_above(line: &str) -> bool {
    line.starts_with('@') && !line.starts_with("@file:")
        || line.starts_with("//")
        || line.starts_with("/*")
        || line.starts_with(" *")
}

/// Returns the opening of a declaration, if this line at the left margin is one.
/// The generator may leave a comment right behind it.
fn opening(line: &str) -> Option<&str> {
    let mut words =
        line.split(|c: char| !c.is_ascii_alphanumeric()).skip_while(|it| MODIFIERS.contains(it));
    let declares = words.next().is_some_and(|it| KEYWORDS.contains(&it));
    declares.then(|| line.split("//").next().unwrap_or(line).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BINDING: &str =
        "package io.lastmile\n\nopen class RustBuffer : Structure() {\n    val a = 1\n}\n";

    #[test]
    fn a_declaration_of_both_files_stays_in_the_binding_only() {
        let core = "package io.lastmile\nimport x.y\n\n// Why.\n@Order(\"a\")\nopen class RustBuffer : Structure() {\n    val b = 2\n}\n\ndata class Place (\n    val lng: Double\n) {\n}\n";

        let kept = without(core, BINDING).unwrap();

        assert_eq!(
            kept,
            "package io.lastmile\nimport x.y\n\ndata class Place (\n    val lng: Double\n) {\n}\n"
        );
    }

    #[test]
    fn the_comment_above_a_kept_declaration_is_kept() {
        let core = "package p\nopen class RustBuffer : Structure() {\n}\n/**\n * A place.\n */\nenum class Place {\n}\n";

        let kept = without(core, BINDING).unwrap();

        assert_eq!(kept, "package p\n/**\n * A place.\n */\nenum class Place {\n}\n");
    }

    #[test]
    fn the_buffer_has_one_name() {
        let binding = "import io.lastmile.Place\nimport io.lastmile.RustBuffer as RustBufferPlace\nfun f(a: RustBufferPlace.ByValue)\n";

        assert_eq!(unaliased(binding), "import io.lastmile.Place\nfun f(a: RustBuffer.ByValue)\n");
    }

    #[test]
    fn a_function_exported_by_core_is_refused() {
        let core = "package p\npublic fun `f`() = UniffiLib.uniffi_lastmile_core_fn_func_f()\n";

        let refused = without(core, BINDING).unwrap_err();

        assert!(refused.to_string().contains("belongs in bindings/"));
    }
}
