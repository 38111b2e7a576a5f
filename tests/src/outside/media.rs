//! A captured file: a photo, or something that calls itself one.

use std::cell::LazyCell;

use lastmile_core::event::Lane;
use lastmile_core::evidence::{MediaKind, MediaSource};
use lastmile_core::id::Digest;

use super::{Case, Day, PHOTO};

thread_local! {
    static DAY: LazyCell<Day> = LazyCell::new(Day::new);
}

pub(super) fn play(case: &[u8]) {
    DAY.with(|day| {
        let heic: &[u8] = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
        let mp4: &[u8] = b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2";
        let png: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        let genuine = [PHOTO, heic, mp4, png].map(<[u8]>::to_vec);
        let bytes = Case(case).arrives(&genuine);
        let mut phone = day.another_phone();
        let courier = phone.courier().expect("it runs");
        let lane = Lane::Exception(courier.new_case());
        let captured = courier.capture_bytes(&lane, &bytes, MediaSource::Gallery);
        assert_eq!(captured.is_ok(), MediaKind::of(&bytes).is_some(), "{captured:?}");
        if let Ok(item) = captured {
            assert_eq!(item.sha256, Digest::of(&[&bytes]));
            assert_eq!((item.bytes, Some(item.kind)), (bytes.len() as u64, MediaKind::of(&bytes)));
            assert!(courier.has_media(item.id).expect("a good disk"), "it is there");
        }
    });
}
