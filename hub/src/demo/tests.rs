//! The whole day, with the real data.

use super::*;

#[test]
fn every_real_delivery_of_the_day_is_at_the_hub() {
    let parent = tempfile::tempdir().unwrap();
    let args = Args { data: None, out: parent.path().join("demo"), seed: 1 };

    let mut out = Vec::new();
    let accounts = play(&args, &mut out).unwrap();

    let text = String::from_utf8(out).unwrap();
    println!("{text}");
    assert_eq!(accounts.missing, Vec::<String>::new());
    assert_eq!(text.lines().last(), Some("106 of 106 deliveries accounted for"));
    assert!(text.lines().all(|line| line.chars().count() <= 100 || line.contains(".tmp")));
    // The figures of hub/data/SOURCE.md.
    let sum = |of: fn(&accounts::Places) -> u32| accounts.places.iter().map(of).sum::<u32>();
    assert_eq!(sum(|places| places.far), 41);
    assert_eq!(sum(|places| places.very_far), 23);
    assert_eq!(sum(|places| places.at_station), 7);
    assert_eq!(accounts.exceptions, 106 / day::DENTED_EVERY);
    assert_eq!(accounts.complaints, 106 / day::COMPLAINT_EVERY);
    assert_eq!(accounts.pictures, 106 + accounts.exceptions);

    let rows = rows::read(SAMPLE.as_bytes()).unwrap();
    for number in 0..rows.len() {
        for role in [people::Role::Recipient, people::Role::Sender, people::Role::Agent] {
            let person = people::person(args.seed, number, role, None);
            assert!(!text.contains(&person.name) && !text.contains(&person.phone));
        }
    }

    let bundles = std::fs::read_dir(args.out.join("evidence")).unwrap();
    let is_bundle = |path: &PathBuf| path.extension().is_some_and(|end| end == "json");
    let bundle = bundles.map(|entry| entry.unwrap().path()).find(is_bundle).unwrap();
    let root = std::fs::read_to_string(args.out.join("evidence/root.key")).unwrap();
    let bundle: crate::Bundle = serde_json::from_slice(&std::fs::read(bundle).unwrap()).unwrap();
    let hash = |sha256: &lastmile_core::id::Digest| {
        let file = args.out.join("evidence").join(sha256.to_string());
        Some(lastmile_core::id::Digest::of(&[&std::fs::read(file).ok()?]))
    };
    let report = crate::verify(&bundle, Some(&root), &hash);
    assert!(report.holds(), "{:?}", report.failed);
    assert_eq!(bundle.media.len(), 2, "the photo of the dent and that of the door");
}

#[test]
fn a_file_with_faults_is_not_played_and_leaves_no_folder() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("mine.csv");
    let mut text = SAMPLE.replacen("126.56526", "east", 1);
    text += "one line more\n";
    std::fs::write(&data, text).unwrap();
    let args = Args { data: Some(data), out: parent.path().join("demo"), seed: 1 };

    let trouble = play(&args, &mut Vec::new()).unwrap_err();

    let said = trouble.to_string();
    assert!(said.contains("line 2: lng is not") && said.contains("line 108: 1 values"), "{said}");
    assert!(matches!(trouble, Trouble::Data { .. }));
    assert!(!args.out.exists());
}
