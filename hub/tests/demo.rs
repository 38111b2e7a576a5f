//! The demo as a command: what it ends with when it cannot play.

use std::process::Command;

#[test]
fn a_bad_file_ends_with_code_2_and_every_fault_on_the_error_output() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("mine.csv");
    std::fs::write(&data, "order_id,lng\n1,2\n").unwrap();

    let ended = Command::new(env!("CARGO_BIN_EXE_lastmile-hub"))
        .args(["demo", "--data"])
        .arg(&data)
        .current_dir(folder.path())
        .output()
        .unwrap();

    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(said.contains("the column courier_id is missing"), "{said}");
    assert!(ended.stdout.is_empty());
    assert!(!folder.path().join("lastmile-demo").exists());
}

#[test]
fn a_folder_of_somebody_else_ends_with_code_2_and_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("letters.txt"), "mine").unwrap();

    let ended = Command::new(env!("CARGO_BIN_EXE_lastmile-hub"))
        .args(["demo", "--out", "."])
        .current_dir(folder.path())
        .output()
        .unwrap();

    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(said.contains("--out"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
