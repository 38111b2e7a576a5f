//! Uploads that are refused, or thrown away in the end.

use sha1::Digest as _;

use super::media::{begin, create, creation, offset, part, patch, photo, state};
use crate::conform::answer::{Answer, Checked, leaf, same};
use crate::conform::kit::Kit;
use crate::conform::phone::new_id;

cases! {
    Device "6. Media: `/v1/media`, tus 1.0" a_part_at_another_offset_is_refused;
    Device "6. Media: `/v1/media`, tus 1.0" a_part_beyond_the_length_is_refused;
    Device "6. Media: `/v1/media`, tus 1.0" a_part_of_another_content_type_is_refused;
    Device "6. Media: `/v1/media`, tus 1.0" a_request_of_another_tus_version_is_refused;
    Device "6. Media: `/v1/media`, tus 1.0" an_empty_file_is_refused;
    Device "6. Media: `/v1/media`, tus 1.0" a_photo_that_is_too_large_is_refused;
    Device "6. Media: `/v1/media`, tus 1.0" a_video_may_be_larger_than_a_photo;
    Device "6. Media: `/v1/media`, tus 1.0" a_video_that_is_too_large_is_refused;
    Device "6. Media: `/v1/media`, tus 1.0" an_upload_without_its_length_is_refused;
    Device "6. Media: `/v1/media`, tus 1.0" an_upload_without_its_hash_is_refused;
    Device "6. Media: `/v1/media`, tus 1.0" an_upload_of_an_unknown_kind_is_refused;
    Device "6. Media: `/v1/media`, tus 1.0" a_part_with_its_sha_256_is_checked;
    Device "6. Media: `/v1/media`, tus 1.0" a_part_with_its_sha_1_is_checked;
    Device "6. Media: `/v1/media`, tus 1.0" an_unknown_checksum_is_refused;
    Device "6. Media: `/v1/media`, tus 1.0" an_upload_that_was_never_begun_is_not_found;
    Device "6. Media: `/v1/media`, tus 1.0" media_take_a_device_token;
    Device "6. Media: `/v1/media`, tus 1.0" a_file_that_hashes_to_something_else_is_thrown_away;
    Device "6. Media: `/v1/media`, tus 1.0" a_file_of_another_kind_is_thrown_away;
}

fn a_part_at_another_offset_is_refused(kit: &Kit) -> Checked {
    let (phone, file) = (kit.phone()?, photo(1000));
    let path = begin(&phone, &file, "jpeg")?;
    patch(&phone, &path, 100, &file[100..])?.problem(409, "WrongOffset")?;
    patch(&phone, &path, 0, &file[..600])?.status(204)?;
    patch(&phone, &path, 0, &file[..600])?.problem(409, "WrongOffset")?;
    same("Upload-Offset", offset(&phone, &path)?, 600)
}

fn a_part_beyond_the_length_is_refused(kit: &Kit) -> Checked {
    let (phone, file) = (kit.phone()?, photo(1000));
    let path = begin(&phone, &file, "jpeg")?;
    let longer = [file.as_slice(), b"!"].concat();
    patch(&phone, &path, 0, &longer)?.problem(413, "BeyondLength")?;
    same("Upload-Offset", offset(&phone, &path)?, 0)
}

fn a_part_of_another_content_type_is_refused(kit: &Kit) -> Checked {
    let (phone, file) = (kit.phone()?, photo(1000));
    let path = begin(&phone, &file, "jpeg")?;
    let mut request = part(&phone, &path, 0, &file);
    request.headers.retain(|(name, _)| name != "Content-Type");
    kit.send(&request.header("Content-Type", "image/jpeg"))?.problem(415, "BadUpload")
}

fn a_request_of_another_tus_version_is_refused(kit: &Kit) -> Checked {
    let (phone, file) = (kit.phone()?, photo(1000));
    let mut request = creation(&phone, &leaf(&file).to_string(), file.len(), "jpeg");
    request.headers.retain(|(name, _)| name != "Tus-Resumable");
    let answer = kit.send(&request.header("Tus-Resumable", "0.2.2"))?;
    answer.problem(412, "TusVersion")?;
    same("Tus-Version", answer.header("Tus-Version")?, "1.0.0")
}

/// Begins an upload of a length that is announced and never sent.
fn announce(kit: &Kit, length: usize, kind: &str) -> Checked<Answer> {
    let phone = kit.phone()?;
    let sha256 = leaf(new_id().as_bytes()).to_string();
    kit.send(&creation(&phone, &sha256, length, kind))
}

fn an_empty_file_is_refused(kit: &Kit) -> Checked {
    announce(kit, 0, "jpeg")?.problem(400, "MediaEmpty")
}

fn a_photo_that_is_too_large_is_refused(kit: &Kit) -> Checked {
    announce(kit, 20_000_000, "jpeg")?.status(201)?;
    announce(kit, 20_000_001, "jpeg")?.problem(413, "MediaTooLarge")
}

fn a_video_may_be_larger_than_a_photo(kit: &Kit) -> Checked {
    announce(kit, 100_000_000, "mp4")?.status(201)
}

fn a_video_that_is_too_large_is_refused(kit: &Kit) -> Checked {
    announce(kit, 100_000_001, "mp4")?.problem(413, "MediaTooLarge")
}

fn an_upload_without_its_length_is_refused(kit: &Kit) -> Checked {
    let (phone, file) = (kit.phone()?, photo(1000));
    let mut request = creation(&phone, &leaf(&file).to_string(), file.len(), "jpeg");
    request.headers.retain(|(name, _)| name != "Upload-Length");
    kit.send(&request)?.problem(400, "BadUpload")
}

fn an_upload_without_its_hash_is_refused(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    kit.send(&creation(&phone, "no hash", 1000, "jpeg"))?.problem(400, "BadUpload")
}

fn an_upload_of_an_unknown_kind_is_refused(kit: &Kit) -> Checked {
    announce(kit, 1000, "gif")?.problem(400, "BadUpload")
}

/// Sends a part with a wrong checksum and then with the right one.
fn checked(kit: &Kit, algorithm: &str, digest: impl Fn(&[u8]) -> Vec<u8>) -> Checked {
    let (phone, file) = (kit.phone()?, photo(1000));
    let path = begin(&phone, &file, "jpeg")?;
    let sum =
        |bytes: &[u8]| format!("{algorithm} {}", data_encoding::BASE64.encode(&digest(bytes)));
    let first = &file[..500];
    let wrong = part(&phone, &path, 0, first).header("Upload-Checksum", sum(b"something else"));
    kit.send(&wrong)?.problem(460, "ChecksumMismatch")?;
    same("Upload-Offset", offset(&phone, &path)?, 0)?;
    let right = part(&phone, &path, 0, first).header("Upload-Checksum", sum(first));
    same("Upload-Offset", kit.send(&right)?.number("Upload-Offset")?, 500)
}

fn a_part_with_its_sha_256_is_checked(kit: &Kit) -> Checked {
    checked(kit, "sha256", |bytes| leaf(bytes).0.to_vec())
}

fn a_part_with_its_sha_1_is_checked(kit: &Kit) -> Checked {
    checked(kit, "sha1", |bytes| sha1::Sha1::digest(bytes).to_vec())
}

fn an_unknown_checksum_is_refused(kit: &Kit) -> Checked {
    let (phone, file) = (kit.phone()?, photo(1000));
    let path = begin(&phone, &file, "jpeg")?;
    let request = part(&phone, &path, 0, &file).header("Upload-Checksum", "crc7 AA==");
    kit.send(&request)?.problem(400, "ChecksumAlgorithm")
}

fn an_upload_that_was_never_begun_is_not_found(kit: &Kit) -> Checked {
    let phone = kit.phone()?;
    state(&phone, &format!("/v1/media/{}", new_id()))?.status(404)?;
    patch(&phone, "/v1/media/nonsense", 0, b"x")?.problem(404, "NotFound")
}

fn media_take_a_device_token(kit: &Kit) -> Checked {
    let (mut phone, file) = (kit.phone()?, photo(1000));
    let path = begin(&phone, &file, "jpeg")?;
    phone.enrolment.device_token = phone.enrolment.session_token.clone();
    create(&phone, &file, "jpeg")?.problem(401, "Unauthorised")?;
    patch(&phone, &path, 0, &file)?.problem(401, "Unauthorised")
}

fn a_file_that_hashes_to_something_else_is_thrown_away(kit: &Kit) -> Checked {
    let (phone, file) = (kit.phone()?, photo(1000));
    let path = begin(&phone, &file, "jpeg")?;
    let mut damaged = file.clone();
    damaged[500] ^= 1;
    patch(&phone, &path, 0, &damaged)?.problem(460, "DigestMismatch")?;
    state(&phone, &path)?.status(404)?;
    same("the offset anew", create(&phone, &file, "jpeg")?.number("Upload-Offset")?, 0)
}

fn a_file_of_another_kind_is_thrown_away(kit: &Kit) -> Checked {
    let (phone, file) = (kit.phone()?, photo(1000));
    let path = begin(&phone, &file, "png")?;
    patch(&phone, &path, 0, &file)?.problem(415, "NotMedia")?;
    state(&phone, &path)?.status(404)
}
