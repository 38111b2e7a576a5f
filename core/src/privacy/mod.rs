//! Personal data: where it is kept, how it is shown, who may see it.
//!
//! Names, phones and addresses belong to the customer (M02). They are shown
//! masked unless a courier asks for them and the asking is recorded, they leave
//! the phone only for people who may see them, and they are erased in time.
//! The vault (`vault.rs`) keeps them; `mask.rs` hides the parts that
//! GB/T 41833-2022 wants hidden.

pub mod mask;
mod vault;

pub use mask::{mask_address, mask_name, mask_phone, mask_rooms};
pub use vault::{Person, VaultBody, VaultEntry, VaultRef};
