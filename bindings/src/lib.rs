//! UniFFI objects, foreign traits and the one FFI error.
