//! What the READMEs say is so: same commands in both languages, and every link leads somewhere.

use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// The commands of a text, without what stands behind `#`.
fn commands(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let mut found: Vec<_> = lines
        .filter_map(|line| Some(line[line.find("cargo ")?..].split('`').next()?.trim().to_owned()))
        .collect();
    found.sort();
    found.dedup();
    found
}

#[test]
fn both_languages_give_the_same_commands() {
    let (english, chinese) = (commands(&read("README.md")), commands(&read("README.zh-CN.md")));
    assert!(english.iter().any(|command| command.ends_with("-- demo")), "{english:?}");
    assert!(english.iter().any(|command| command.ends_with("cargo xtask test")), "{english:?}");
    assert_eq!(english, chinese);
}

#[test]
fn every_link_leads_to_a_file() {
    let pages = ["README.md", "README.zh-CN.md", "CONTRIBUTING.md", "docs/architecture.md"];
    for page in pages {
        let text = read(page);
        let folder = root().join(page).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap();
            if !target.is_empty() && !target.contains("://") {
                assert!(folder.join(target).exists(), "{page}: {link}");
            }
        }
    }
}
