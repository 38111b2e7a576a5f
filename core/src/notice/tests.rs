//! What is said, what is never said, and what is not sent at all. All people are invented.

use proptest::prelude::*;

use super::*;
use crate::policy::Policy;
use crate::refusal::Refusal;

fn person() -> Person {
    Person {
        name: "王小明".to_owned(),
        phone: "13800001234".to_owned(),
        address: "浙江省杭州市文三路100号阳光小区3栋2单元501室".to_owned(),
        ..Person::default()
    }
}

/// A value for every slot.
fn full_values() -> Vec<SlotValue> {
    Slot::ALL
        .into_iter()
        .map(|slot| {
            let text = match slot {
                Slot::Station => "阳光驿站(文三路100号)",
                Slot::LockerSlot => "3-2-101",
                Slot::PickupCode => "3-2-5018",
                Slot::PickupMethod => "凭取件码到前台领取",
                Slot::OpeningHours => "9:00-21:00",
                Slot::CollectBefore => "2026-11-23 18:00",
                Slot::DoorDelivery => "拨打 400-123-4567",
                Slot::CourierNo => "JL-31-4849",
                Slot::CourierPhone => "13900005678",
                Slot::CourierPlace => "小区北门",
                Slot::Honorific => "王先生",
                Slot::Recipient => "王小明",
                Slot::Goods => "蓝花茶叶",
                Slot::Parcel => "0001",
                Slot::Cause => "大雪封路",
                Slot::Eta => "2026-11-24 12:00",
                Slot::Position => "长春转运中心",
                Slot::RecoveryTime => "2026-11-24 08:00",
                Slot::ProposedTime => "2026-11-22 19:00",
                Slot::Result => "同意改派",
                Slot::Reason => "新地址在配送范围内",
                Slot::NewAddress => "文三路200号5栋101室",
                Slot::Node => "已到达站点",
            };
            SlotValue { slot, text: text.to_owned() }
        })
        .collect()
}

fn draft(template: &str) -> NoticeDraft {
    NoticeDraft {
        template: template.to_owned(),
        language: Language::Zh,
        audience: Audience::Recipient,
        slots: full_values(),
        about: vec![person()],
    }
}

impl NoticeDraft {
    fn with(mut self, slot: Slot, text: &str) -> Self {
        self.slots.push(SlotValue { slot, text: text.to_owned() });
        self
    }

    fn for_third_party(mut self) -> Self {
        self.audience = Audience::ThirdParty;
        self
    }

    fn in_english(mut self) -> Self {
        self.language = Language::En;
        self
    }

    fn text(&self) -> String {
        Templates::built_in().render(self, &Policy::default()).unwrap().text
    }
}

#[test]
fn the_storage_notice_says_where_how_and_until_when() {
    let notice = Templates::built_in().render(&draft("T01"), &Policy::default()).unwrap();

    assert_eq!(
        notice.text,
        "您好，您的包裹（单号尾号0001）已存放在阳光驿站(文三路100号)，格口：3-2-101，取件码：3-2-5018。\
         取件方式：凭取件码到前台领取；开放时间：9:00-21:00；请在2026-11-23 18:00前取件。\
         如需送货上门：拨打 400-123-4567。快递员工号：JL-31-4849。"
    );
    assert_eq!((notice.template.as_str(), notice.template_version), ("T01.1", 1));
    assert_eq!(notice.sha256, Digest::of(&[notice.text.as_bytes()]));
}

#[test]
fn every_template_renders_in_both_languages_with_all_slots_and_with_the_mandatory_ones() {
    let templates = Templates::built_in();
    assert_eq!(
        templates.ids().collect::<Vec<_>>(),
        ["T01", "T01B", "T01R", "T02", "T03", "T04", "T05", "T06", "T07", "T18"]
    );
    for id in templates.ids() {
        let needed = templates.mandatory_slots(id).unwrap();
        for full in [draft(id), draft(id).in_english()] {
            let mut least = full.clone();
            least.slots.retain(|value| needed.contains(&value.slot));
            for draft in [full, least] {
                let text = draft.text();
                assert!(!text.contains(['{', '}', '[', ']']), "{text}");
                assert!(!text.contains("  ") && !text.contains("：。"), "{text}");
            }
        }
    }
}

#[test]
fn a_template_with_an_empty_mandatory_slot_does_not_render_and_names_it() {
    let templates = Templates::built_in();
    for id in templates.ids() {
        for &slot in templates.mandatory_slots(id).unwrap() {
            let refused =
                templates.render(&draft(id).with(slot, " \u{200b}\n"), &Policy::default());
            let mut without = draft(id);
            without.slots.retain(|value| value.slot != slot);
            let missing = templates.render(&without, &Policy::default());

            let named = NoticeError::EmptySlots { template: id.to_owned(), slots: vec![slot] };
            assert_eq!(refused.as_ref(), Err(&named));
            assert_eq!(missing.as_ref(), Err(&named));
        }
    }
}

#[test]
fn all_empty_slots_are_named_at_once() {
    let mut empty = draft("T04");
    empty.slots.clear();

    let refused = Templates::built_in().render(&empty, &Policy::default()).unwrap_err();

    assert_eq!(refused.to_string(), "the notice T04 cannot be sent yet; fill in: cause, eta");
    assert_eq!(refused.code(), "NoticeSlotEmpty");
    let unknown = Templates::built_in().render(&draft("T99"), &Policy::default()).unwrap_err();
    assert_eq!(unknown.code(), "NoticeTemplateUnknown");
}

#[test]
fn a_third_party_reads_masked_data() {
    let delay = draft("T04").for_third_party().text();
    assert!(delay.contains("收件人王**的") && !delay.contains("小明"), "{delay}");

    let redirect = draft("T06").for_third_party().text();
    assert!(redirect.contains("新的送达地址：文三路200号***"), "{redirect}");

    let arrived = draft("T03").for_third_party().text();
    assert!(arrived.contains("您的***已送到") && arrived.contains("139******78"), "{arrived}");

    let stored = draft("T01").for_third_party().text();
    assert!(stored.contains("取件码：***。"), "{stored}");
}

#[test]
fn a_value_that_a_mask_leaves_empty_counts_as_empty() {
    let text = draft("T05").for_third_party().with(Slot::CourierPhone, "无").text();

    assert!(!text.contains("联系电话"), "{text}");
}

#[test]
fn the_recipient_reads_his_own_data() {
    assert!(draft("T06").text().contains("文三路200号5栋101室"));
    assert!(draft("T03").text().contains("王先生，您好！您的蓝花茶叶"));
}

#[test]
fn a_storage_notice_hides_a_room_even_from_its_recipient() {
    let text = draft("T01").with(Slot::Station, "李阿姨家，5栋1单元302室").text();

    assert!(text.contains("已存放在李阿姨家，5栋***，格口"), "{text}");
}

#[test]
fn a_storage_notice_names_the_lockers_slot_which_is_no_room() {
    let text = draft("T01").text();
    assert!(text.contains("已存放在阳光驿站(文三路100号)，格口：3-2-101，取件码"), "{text}");
    let english = draft("T01B").in_english().text();
    assert!(english.contains(", slot 3-2-101. Please"), "{english}");
}

#[test]
fn a_value_cannot_bring_a_slot_or_a_second_line() {
    let text = draft("T18").with(Slot::Node, "已到达\r\n{eta} [x]").text();

    assert!(text.contains("包裹已到达 {eta} [x]，预计"), "{text}");
}

proptest! {
    #[test]
    fn a_storage_notice_never_holds_a_full_name_or_a_room(
        id in "T01|T01B|T01R|T02",
        slot in prop::sample::select(vec![
            Slot::Station, Slot::PickupMethod, Slot::DoorDelivery,
        ]),
        before in "([a-z]{0,4} )?[在找]{0,3}",
        told in "王小明|3栋2单元501室|2单元501|3-2-501|501室|Room 501|王小明501室",
        after in "[ 取，.]{0,3}",
    ) {
        let text = draft(&id).with(slot, &format!("{before}{told}{after}")).text();
        let text = text.replace("3-2-5018", "");
        prop_assert!(!text.contains("王小明"), "{}", text);
        prop_assert!(!text.contains("501"), "{}", text);
    }

    /// For anybody, wherever a site's name or a courier's words may tell of him.
    #[test]
    fn a_storage_notice_never_tells_who_or_which_door(
        id in "T01|T01B|T01R|T02",
        name in "[王李张刘陈欧阳][明华丽娜强静]{1,2}",
        phone in "1[3-9][0-9]{9}",
        (house, room) in (1u8..99, 1001u16..9999),
        slot in prop::sample::select(vec![
            Slot::Station, Slot::PickupMethod, Slot::DoorDelivery, Slot::OpeningHours,
            Slot::CollectBefore, Slot::CourierNo,
        ]),
        english in any::<bool>(),
    ) {
        let door = format!("{room}室");
        let address = format!("杭州市文三路{house}号2单元{door}");
        let told = format!("放在{name}家（{phone}），{address}");
        let told = if slot.kind() == SlotKind::Fixed { format!("{name} {phone}") } else { told };
        let mut draft = draft(&id).with(slot, &told);
        draft.about.push(Person { name: name.clone(), phone: phone.clone(), address, ..Person::default() });
        let text = if english { draft.in_english().text() } else { draft.text() };
        prop_assert!(!text.contains(&name), "{}", text);
        prop_assert!(!text.contains(&phone), "{}", text);
        prop_assert!(!text.contains(&door), "{}", text);
    }

    #[test]
    fn a_third_party_never_reads_the_recipient(
        id in prop::sample::select(Templates::built_in().ids().collect::<Vec<_>>()),
        slot in prop::sample::select(Slot::ALL.to_vec()),
        told in "王小明|13800001234|2单元501室|3栋2单元501室",
        english in any::<bool>(),
    ) {
        let mut draft = draft(id).with(slot, &told).for_third_party();
        if english {
            draft = draft.in_english();
        }
        let text = draft.text();
        let numbered = slot.kind() == SlotKind::Fixed && told.contains("501室");
        prop_assert!(numbered || !text.contains(&told), "{}", text);
    }

    #[test]
    fn rendering_is_total(slot in prop::sample::select(Slot::ALL.to_vec()), text in "\\PC*") {
        for id in Templates::built_in().ids() {
            for draft in [draft(id), draft(id).for_third_party().in_english()] {
                let _ = Templates::built_in().render(&draft.with(slot, &text), &Policy::default());
            }
        }
    }

    #[test]
    fn loading_is_total(text in "[{}\\[\\]a-z 好]{0,20}") {
        let json = serde_json::json!([{"id": "X", "version": 1, "zh": text, "en": text}]);
        let _ = Templates::load(&json.to_string());
    }
}

#[test]
fn a_faulty_list_of_templates_names_all_faults_at_once() {
    let json = serde_json::json!([
        {"id": "T01", "version": 0, "mandatory": ["station", "moon"], "optional": ["parcel"],
         "zh": "在{station}，{star}{parcel}", "en": "[at {station}]"},
        {"id": "T01", "version": 1, "public": true, "mandatory": ["recipient"],
         "zh": "[好]{recipient", "en": "{recipient} {eta} "},
        {"id": "a.b", "version": 1, "optional": ["eta", "eta"], "zh": "好[{eta}", "en": "x[{eta}]"},
    ]);
    let faults = Templates::load(&json.to_string()).unwrap_err();
    let found: Vec<_> =
        faults.0.iter().map(|found| (found.template.as_str(), found.fault.clone())).collect();

    assert_eq!(
        found,
        [
            ("T01", Fault::NoVersion),
            ("T01", Fault::NotPublic),
            ("T01", Fault::UnknownSlot("moon".to_owned())),
            ("T01", Fault::UnknownSlot("star".to_owned())),
            ("T01", Fault::OptionalOutside(Language::Zh, Slot::Parcel)),
            ("T01", Fault::MandatoryInPart(Language::En, Slot::Station)),
            ("T01", Fault::NoText(Language::En)),
            ("T01", Fault::Unused(Language::En, Slot::Parcel)),
            ("T01", Fault::DoubleId),
            ("T01", Fault::PersonInPublic(Slot::Recipient)),
            ("T01", Fault::Unbalanced(Language::Zh)),
            ("T01", Fault::EmptyPart(Language::Zh)),
            ("T01", Fault::NoText(Language::Zh)),
            ("T01", Fault::Unused(Language::Zh, Slot::Recipient)),
            ("T01", Fault::NoText(Language::En)),
            ("T01", Fault::Unlisted(Language::En, Slot::Eta)),
            ("a.b", Fault::BadId),
            ("a.b", Fault::DoubleSlot(Slot::Eta)),
            ("a.b", Fault::Unbalanced(Language::Zh)),
            ("a.b", Fault::Unused(Language::Zh, Slot::Eta)),
        ]
    );
    assert!(faults.to_string().contains("T01: there is no slot {moon}; "), "{faults}");
    let broken = Templates::load("[\n{").unwrap_err();
    assert_eq!(broken.0[0].fault, Fault::Unreadable { line: 2 });
}

#[test]
fn every_slot_is_found_by_its_name() {
    for slot in Slot::ALL {
        assert_eq!(Slot::named(slot.name()), Some(slot));
    }
}

fn words(text: &str) -> Vec<(String, String)> {
    lint_message(text, word_lists())
        .into_iter()
        .map(|found| {
            let (start, end) = (found.start as usize, found.end as usize);
            assert_eq!(text[start..end].to_ascii_lowercase(), found.word.to_ascii_lowercase());
            (found.list, text[start..end].to_owned())
        })
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|&(list, word)| (list.to_owned(), word.to_owned())).collect()
}

#[test]
fn evasive_and_vague_words_are_found_where_they_stand() {
    assert_eq!(
        words("这不归我管，大概过两天到。Maybe SOON."),
        pairs(&[
            ("evasive", "不归我管"),
            ("vague", "大概"),
            ("vague", "过两天"),
            ("vague", "Maybe"),
            ("vague", "SOON"),
        ])
    );
    assert_eq!(words("as soon as possible"), pairs(&[("vague", "as soon as possible")]));
    assert_eq!(words("About 3 pm"), pairs(&[("vague", "About")]));
}

#[test]
fn a_harmless_phrase_is_no_finding() {
    assert_eq!(
        words("我们会尽可能处理，柜子左右两侧都有。about your parcel, roundabout, sooner"),
        []
    );
    assert_eq!(words("我们尽可能，但可能晚到"), pairs(&[("vague", "可能")]));
}

#[test]
fn our_own_texts_pass_the_lint() {
    for id in Templates::built_in().ids() {
        for draft in [draft(id), draft(id).in_english()] {
            assert_eq!(words(&draft.text()), [], "{id}");
        }
    }
}

#[test]
fn a_company_brings_its_own_words() {
    let lists = [WordList {
        name: "company".to_owned(),
        words: vec!["亲亲".to_owned(), "亲".to_owned(), String::new()],
        except: vec!["亲自".to_owned()],
    }];
    let found = lint_message("亲亲，请亲自签收，亲", &lists);

    let places: Vec<_> = found.iter().map(|found| (found.start, found.end)).collect();
    assert_eq!(places, [(0, 6), (27, 30)]);
}

proptest! {
    #[test]
    fn a_finding_is_always_a_slice_of_the_message(text in "\\PC*", word in "\\PC{0,3}") {
        let list = WordList { name: "x".to_owned(), words: vec![word], except: Vec::new() };
        for found in lint_message(&text, &[list]) {
            prop_assert!(text.get(found.start as usize..found.end as usize).is_some());
        }
    }
}

#[test]
fn a_message_that_addresses_nobody_politely_is_found() {
    assert_eq!(without_address("包裹在柜子里").unwrap().list, "impolite");
    assert_eq!(without_address("Your parcel is here").unwrap().start, 0);
    for polite in ["您的包裹已到", "王先生，包裹已到", "Hello, it is here", " "] {
        assert_eq!(without_address(polite), None);
    }
    for id in Templates::built_in().ids() {
        assert_eq!(without_address(&draft(id).text()), None, "{id}");
        assert_eq!(without_address(&draft(id).in_english().text()), None, "{id}");
    }
}

#[test]
fn a_template_is_named_and_not_quoted() {
    for name in ["T01", "T07.en", "a-b_c", "0123456789abcdef"] {
        assert_eq!(rules::is_named(name), Ok(()), "{name}");
    }
    for quoted in ["", "0123456789abcdefg", "Your parcel", "包裹"] {
        assert_eq!(rules::is_named(quoted), Err(Refusal::TemplateNotNamed), "{quoted}");
    }
}
