//! What the reader can check next: one parcel's evidence, outside the hub and without it.

use std::path::{Path, PathBuf};

use super::Trouble;
use super::day::{Day, Delivery};
use super::folder::Folder;
use super::station::Clerk;
use crate::Bundle;

/// Where a bundle and the key to check it with were written.
pub struct Written {
    /// The bundle; the pictures it names lie beside it.
    pub bundle: PathBuf,
    /// The root key, as the phones pinned it.
    pub root: PathBuf,
}

/// Writes the bundle of one telling parcel, its pictures and the root key into the folder.
pub fn write(
    day: &Day,
    clerk: &Clerk,
    folder: &Folder,
    root_key: &str,
) -> Result<Option<Written>, Trouble> {
    let Some(delivery) = telling(day) else { return Ok(None) };
    let bytes = clerk.bundle(&delivery.station, &delivery.waybill)?;
    let bundle: Bundle =
        serde_json::from_slice(&bytes).map_err(|_| "the hub's bundle cannot be read")?;
    let beside = folder.evidence();
    let keep = |name: &str, bytes: &[u8]| {
        let path = beside.join(name);
        std::fs::create_dir_all(&beside)
            .and_then(|()| std::fs::write(&path, bytes))
            .map(|()| path)
            .map_err(|error| format!("the evidence cannot be written ({})", error.kind()))
    };
    for item in &bundle.media {
        if let Some(picture) = clerk.picture(&delivery.station, item.device, &item.sha256) {
            keep(&item.sha256.to_string(), &picture)?;
        }
    }
    Ok(Some(Written {
        root: keep("root.key", root_key.as_bytes())?,
        bundle: keep(&format!("bundle-{}.json", delivery.waybill), &bytes)?,
    }))
}

/// A parcel with a case of its own, if there is one.
fn telling(day: &Day) -> Option<&Delivery> {
    let dented = day.deliveries.iter().find(|delivery| delivery.script.dented);
    dented.or(day.deliveries.first())
}

/// Says where everything lies and what to do next.
pub fn next_steps(folder: &Folder, written: Option<&Written>) -> String {
    let (hub, phones) = (shown(&folder.hub()), shown(&folder.phones()));
    let files = format!(
        "Files    {hub}  database, keys and pictures of the hub\n\
         \x20        {phones}  one store per courier\n"
    );
    let Some(Written { bundle, root }) = written else { return files };
    let (bundle, root) = (shown(bundle), shown(root));
    // As the reader started this program.
    let program = match std::env::var_os("CARGO") {
        Some(_) => "cargo run --release -p lastmile-hub --",
        None => "lastmile-hub",
    };
    format!(
        "{files}Next     Check one parcel's evidence, without the hub:\n\
         \x20        {program} verify \\\n\
         \x20          {bundle} \\\n\
         \x20          --root {root}\n"
    )
}

/// Writes a path as a shell reads it.
fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
