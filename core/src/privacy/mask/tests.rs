//! What must be hidden is hidden, whatever a customer typed. All people are invented.

use proptest::prelude::*;

use super::*;

fn mask_name(name: &str) -> String {
    Mask::default().name(name)
}

fn mask_phone(phone: &str) -> String {
    Mask::default().phone(phone)
}

fn mask_address(address: &str) -> String {
    Mask::default().address(address)
}

fn mask_rooms(text: &str) -> String {
    Mask::default().place(text)
}

fn check(mask: fn(&str) -> String, cases: &[(&str, &str)]) {
    for (clear, masked) in cases {
        assert_eq!(mask(clear), *masked, "{clear}");
        assert_eq!(mask(masked), *masked, "{clear} twice");
    }
}

#[test]
fn a_name_shows_the_surname_at_most() {
    check(
        mask_name,
        &[
            ("王小明", "王**"),
            ("张三", "张*"),
            ("王", "*"),
            ("欧阳娜", "欧阳*"),
            ("諸葛孔明", "諸葛**"),
            ("欧阳", "欧*"),
            ("𠮷田太郎", "𠮷***"),
            ("王小明、张三", "王**、张*"),
            ("王先生", "王**"),
            ("阿依古丽·买买提", "阿***·买**"),
            ("김민수", "김**"),
            ("John Q. Smith", "J*** *. S****"),
            ("Jean-Luc O'Neill", "J***-L** *'N****"),
            ("Nguyễn Văn An", "N***** V** A*"),
            ("Иван Петров", "И*** П*****"),
            ("😀😀", "😀*"),
            ("", ""),
            ("--", "--"),
        ],
    );
}

#[test]
fn a_phone_hides_six_digits_or_more() {
    check(
        mask_phone,
        &[
            ("13800001234", "138******34"),
            ("138 0000 1234", "138 **** **34"),
            ("138-0000-1234", "138-****-**34"),
            ("+86 138 0000 1234", "+86 138 **** **34"),
            ("+86-13800001234", "+86-138******34"),
            ("008613800001234", "0086138******34"),
            ("8613800001234", "86138******34"),
            ("１３８００００１２３４", "138******34"),
            ("010-12345678", "010-******78"),
            ("(0571) 87654321", "(0571) ******21"),
            ("0571-8765432", "057*-*****32"),
            ("+86 10 12345678", "+86 10 ******78"),
            ("12345678", "******78"),
            ("8765432", "******2"),
            ("95338", "*****"),
            ("+86", "+**"),
            ("+86 123456", "+86 ******"),
            ("400-123-4567", "40*-***-**67"),
            ("+852 6123 4567", "+852 **** **67"),
            ("+1 (415) 555-0132", "+1 (41*) ***-**32"),
            ("010-12345678-801", "010-******78-***"),
            ("0571-87654321转801", "0571-******21转***"),
            ("13800001234 ext. 5678", "138******34 转 ****"),
            ("13800001234/010-12345678", "138******34/010-******78"),
            ("13800001234 13900005678", "138******** *********78"),
            ("王小明13800001234", "138******34"),
            ("一三八零零零零一二三四", "一三八******三四"),
            ("00860000转00", "********转**"),
            ("", ""),
        ],
    );
}

#[test]
fn a_chinese_address_hides_everything_from_the_building_on() {
    check(
        mask_address,
        &[
            (
                "浙江省杭州市西湖区文三路100号阳光小区3栋2单元501室",
                "浙江省杭州市西湖区文三路100号阳光小区***",
            ),
            ("阳光小区5号楼2单元501", "阳光小区***"),
            ("阳光小区三号楼二单元五零一", "阳光小区***"),
            ("阳光小区3-2-501", "阳光小区***"),
            ("阳光小区３－２－５０１", "阳光小区***"),
            ("阳光小区12号501", "阳光小区12号***"),
            ("阳光小区 12 号 501 室", "阳光小区 12 号 ***"),
            ("文三路100-3号", "文三路100-3号"),
            ("文三路100号2楼", "文三路100号***"),
            ("世纪大厦A座1203", "世纪大厦***"),
            ("世纪大厦二层", "世纪大厦***"),
            ("世纪大厦B1层12号铺", "世纪大厦***"),
            ("阳光小区东单元中户", "阳光小区***"),
            ("阳光小区3期5幢王阿姨家", "阳光小区3期***"),
            ("长安街1号院7号楼", "长安街1号院***"),
            ("上海市弄堂路88弄6号201室", "上海市弄堂路88弄6号***"),
            ("福州市八一七北路12号", "福州市八一七北路12号"),
            ("五四路一百二十号", "五四路一百二十号"),
            ("石桥村3组12号", "石桥村3组12号"),
            ("310000 杭州市文三路1号", "310000 杭州市文三路1号"),
            ("上海市南京西路100号 Room 12B", "上海市南京西路100号 Room ***"),
            ("上海市南京西路100号 Flat A", "上海市南京西路100号 Flat ***"),
            ("東京都港区1-2-3 ハイツ101号室", "東京都港区***"),
            ("서울 세종대로 110동 502호", "서울 세종대로 ***"),
            ("501室", "***"),
            ("", ""),
        ],
    );
}

#[test]
fn an_address_in_letters_hides_the_words_that_name_a_door() {
    check(
        mask_address,
        &[
            ("Room 12B, 88 Nanjing Road", "Room ***, 88 Nanjing Road"),
            ("88 Nanjing Road, Apt. 5", "88 Nanjing Road, Apt. ***"),
            ("88 Nanjing Road, Unit No. 3-501", "88 Nanjing Road, Unit No. ***"),
            ("88 Nanjing Road #4B", "88 Nanjing Road #***"),
            ("12/F, Tower B, 88 Queen's Road", "***, Tower ***, 88 Queen's Road"),
            ("12th Floor, 88 Nanjing Road", "*** Floor, 88 Nanjing Road"),
            ("Building 3, Rm501, 88 Nanjing Road", "Building ***, ***, 88 Nanjing Road"),
            ("221B Baker Street", "221B Baker Street"),
            ("Baker Street 12B", "Baker Street ***"),
            ("3-2-501 Sunny Garden", "*** Sunny Garden"),
            ("ул. Ленина 5, кв. 12", "ул. Ленина 5, кв. ***"),
        ],
    );
}

#[test]
fn a_place_keeps_its_words_and_loses_its_rooms() {
    check(
        mask_rooms,
        &[
            ("阳光驿站(7-11店旁)", "阳光驿站(7-11店旁)"),
            ("文三路100号3号楼1层驿站", "文三路100号3号楼1层驿站"),
            ("3号楼1楼2号柜", "3号楼1楼2号柜"),
            ("李阿姨家，3栋2单元501室", "李阿姨家，3栋***"),
            ("3号楼501", "3号楼***"),
            ("阳光小区3-2-501门口", "阳光小区***门口"),
            ("5栋东户", "5栋***"),
            ("the desk in Room 12B", "the desk in Room ***"),
            ("2026-11-23 或拨打 400-123-4567", "2026-11-23 或拨打 400-123-4567"),
            ("周一至周日 9:00-21:00", "周一至周日 9:00-21:00"),
        ],
    );
}

#[test]
fn a_policy_may_hide_more_of_a_name_and_of_a_number() {
    let strict = Mask { name_chars: 2, phone_digits: 9, ..Mask::default() };
    for (clear, masked) in [("王小明", "王**"), ("张三", "**"), ("欧阳娜", "欧**"), ("王", "*")]
    {
        assert_eq!(strict.name(clear), masked);
    }
    assert_eq!(strict.phone("13800001234"), "*********34");
    assert_eq!(strict.phone("+86 138 0000 1234"), "+86 *** **** **34");
}

fn digits(text: &str) -> usize {
    text.chars().filter(char::is_ascii_digit).count()
}

proptest! {
    // A rare text once showed a digit that a milder mask hid: 256 cases find such a one by luck.
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn a_mask_is_total_and_masks_its_own_output_to_itself(text in "\\PC*") {
        for mask in [mask_name, mask_phone, mask_address, mask_rooms] {
            let masked = mask(&text);
            prop_assert_eq!(mask(&masked), masked);
        }
    }

    #[test]
    fn a_mask_is_stable_on_texts_that_look_right(
        text in "(Room|Flat|楼|号|室|单元|栋|路|中|户|东|3|501|-|/|#|\\*|B|十|一|转|\\+86|0086|010| |,|ext){0,12}"
    ) {
        for mask in [mask_name, mask_phone, mask_address, mask_rooms] {
            let masked = mask(&text);
            prop_assert_eq!(mask(&masked), masked);
        }
    }

    #[test]
    fn a_stricter_mask_shows_no_more_and_masks_its_own_output_to_itself(
        text in "(\\+86|0086|0|1|3|8|转|-| |王|小明|欧阳|J|ohn|\\*){0,14}",
        name_chars in 1usize..6,
        phone_digits in 6usize..14,
    ) {
        let strict = Mask { name_chars, phone_digits, doors: true };
        let (name, phone) = (strict.name(&text), strict.phone(&text));
        prop_assert_eq!(strict.name(&name), name.clone());
        prop_assert_eq!(strict.phone(&phone), phone.clone());
        for (strict, default) in [(name, mask_name(&text)), (phone, mask_phone(&text))] {
            prop_assert_eq!(strict.chars().count(), default.chars().count());
            let shows_no_more = |(strict, default)| strict == '*' || strict == default;
            prop_assert!(strict.chars().zip(default.chars()).all(shows_no_more), "{}", strict);
        }
    }

    #[test]
    fn a_given_name_never_shows(surname in "[王李张陈]|欧阳|司马", given in "[小明芳伟娜静]{1,2}") {
        let masked = mask_name(&format!("{surname}{given}"));
        prop_assert!(!masked.contains(|sign| given.contains(sign)), "{}", masked);
    }

    #[test]
    fn every_name_loses_a_character(name in "[\\w&&[^_]]{1,8}( [\\w&&[^_]]{1,8}){0,3}") {
        for (clear, masked) in name.split_whitespace().zip(mask_name(&name).split_whitespace()) {
            prop_assert_ne!(clear, masked);
        }
    }

    #[test]
    fn a_number_never_shows_its_middle(
        head in "(\\+86[ -]?)?1[3-9][0-9]|0[1-9][0-9]{1,2}-|",
        middle in "[0-9]{6}",
        tail in "[0-9]{2}",
        extension in "(转[0-9]{1,4})?",
    ) {
        let number = format!("{head}{middle}{tail}{extension}");
        let masked = mask_phone(&number);
        prop_assert!(digits(&number) - digits(&masked) >= Mask::default().phone_digits, "{}", masked);
        let shown: usize = masked.chars().rev().skip_while(|&sign| sign == '*' || sign == '转')
            .take_while(char::is_ascii_digit).count();
        prop_assert!(shown <= 2, "{}", masked);
    }

    #[test]
    fn any_number_loses_six_digits_or_all(number in "[+(]?[0-9][0-9 ()-]{0,24}") {
        let hidden = digits(&number) - digits(&mask_phone(&number));
        prop_assert!(hidden >= digits(&number).min(Mask::default().phone_digits));
    }

    #[test]
    fn a_door_never_shows(
        street in "文三路[1-9][0-9]?号|中山北路|石桥村[1-9]组|长安街1号院",
        compound in "阳光小区|世纪大厦|",
        door in "[3-9]栋|[3-9]幢[1-4]单元|[1-9]号楼|[A-D]座|[三四]单元|",
        room in "[1-9][0-9]{2,3}",
        end in "室|房|户|号房||-A|#",
    ) {
        let address = format!("浙江省杭州市{street}{compound}{door}{room}{end}");
        let masked = mask_address(&address);
        prop_assert_eq!(masked, format!("浙江省杭州市{street}{compound}***"));
    }

    #[test]
    fn a_western_room_never_shows(
        word in "Room|room|RM|Apt\\.|Suite|Unit|Flat|#|Apartment no\\.",
        room in "[1-9][0-9]{2}[A-F]?",
        order in any::<bool>(),
    ) {
        let unit = format!("{word} {room}").replace("# ", "#");
        let address = if order {
            format!("{unit}, 8 Harbour Road")
        } else {
            format!("8 Harbour Road, {unit}")
        };
        let masked = mask_address(&address);
        prop_assert!(!masked.contains(&room) && masked.contains("8 Harbour Road"), "{}", masked);
    }
}
