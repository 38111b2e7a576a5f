//! Personal data: where it is kept, how it is shown, who may see it.

mod vault;

pub use vault::{Person, VaultBody, VaultEntry, VaultRef};
