//! People who do not exist. The data have none, and real ones have no place in a demo.
//!
//! Names are drawn from lists, phone numbers begin with 154, which no operator issues, and the
//! streets are made up. The same seed and number always give the same person.

use fastrand::Rng;
use lastmile_core::Here;
use lastmile_core::privacy::Person;

const SURNAMES: [&str; 20] = [
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "马", "朱", "胡", "郭",
    "何", "林", "罗", "高",
];
const GIVEN: [&str; 24] = [
    "晓", "雨", "梓", "思", "嘉", "一", "子", "佳", "文", "海", "春", "秋", "明", "华", "丽", "静",
    "强", "磊", "洋", "艳", "勇", "娟", "涛", "霞",
];
const STREETS: [&str; 8] =
    ["松柳路", "望江街", "晨光路", "雪杉街", "河湾路", "白桦街", "青石路", "银杏街"];

/// Whom a parcel concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Who receives it.
    Recipient,
    /// Who sent it.
    Sender,
    /// Who takes it for the recipient.
    Agent,
}

/// Makes up the person in a role of the parcel with this number.
pub fn person(seed: u64, parcel: usize, role: Role, place: Option<Here>) -> Person {
    let mut rng = Rng::with_seed(seed ^ ((parcel as u64) << 8) ^ (role as u64 + 1));
    let mut pick = |list: &[&str]| list[rng.usize(..list.len())].to_owned();
    let mut name = pick(&SURNAMES);
    name += &pick(&GIVEN);
    name += &pick(&GIVEN);
    let street = pick(&STREETS);
    let address = format!(
        "示例市{street}{}号{}单元{}{:02}室",
        rng.u32(1..300),
        rng.u32(1..7),
        rng.u32(1..19),
        rng.u32(1..5)
    );
    Person {
        name,
        phone: format!("154{:08}", rng.u32(..100_000_000)),
        address,
        lng: place.map(|place| place.lng),
        lat: place.map(|place| place.lat),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_people_and_roles_differ() {
        let ask = |seed, role| person(seed, 7, role, None);
        assert!(ask(1, Role::Recipient) == ask(1, Role::Recipient));
        assert!(ask(1, Role::Recipient) != ask(2, Role::Recipient));
        assert!(ask(1, Role::Recipient) != ask(1, Role::Sender));
        assert_eq!(ask(1, Role::Agent).phone.len(), 11);
    }
}
