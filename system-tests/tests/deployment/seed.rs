//! `seungin seed`, which containers run at every start: the same staff each time, whatever became of the database meanwhile.

use std::collections::BTreeMap;
use std::path::Path;

use crate::project::seungin;

fn run(data_dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let directory = data_dir.to_str().expect("a path that is text");
    let mut environment = BTreeMap::from([("SEUNGIN__DATA_DIR".to_owned(), directory.to_owned())]);
    environment
        .extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let output = seungin(arguments, &environment);
    let said = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// Seeds, and checks that the staff that it tells of may sign in.
fn seed(data_dir: &Path) -> String {
    let (code, staff) = run(data_dir, &["seed"], &[]);
    assert_eq!(code, Some(0), "{staff}");
    let roles: Vec<&str> = staff.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(roles, ["owner", "manager", "master"], "{staff}");
    let (_, list) = run(data_dir, &["staff", "list"], &[]);
    assert_eq!(list.lines().filter(|line| line.contains("active")).count(), 3, "{list}");
    staff
}

#[test]
fn the_same_staff_are_there_after_every_start_and_after_a_lost_database() {
    let home = tempfile::tempdir().unwrap();
    let data_dir = home.path().join("data");
    assert_eq!(run(&data_dir, &["migrate"], &[]).0, Some(0));
    let first = seed(&data_dir);
    assert_eq!(seed(&data_dir), first);
    for file in std::fs::read_dir(&data_dir).unwrap().map(|entry| entry.unwrap().path()) {
        if file.file_name().unwrap().to_str().unwrap().starts_with("seungin.db") {
            std::fs::remove_file(file).unwrap();
        }
    }
    assert_eq!(run(&data_dir, &["migrate"], &[]).0, Some(0));
    assert_eq!(seed(&data_dir), first);
}

#[test]
fn a_database_that_is_somebodys_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let data_dir = home.path().join("data");
    assert_eq!(run(&data_dir, &["migrate"], &[]).0, Some(0));
    let add = ["staff", "add", "--name", "Kim", "--role", "master"];
    assert_eq!(run(&data_dir, &add, &[]).0, Some(0));
    assert_eq!(run(&data_dir, &["seed"], &[]), (Some(0), String::new()));
    let (_, list) = run(&data_dir, &["staff", "list"], &[]);
    assert_eq!(list.lines().count(), 1, "{list}");
}

#[test]
fn production_gets_no_demo_staff() {
    let home = tempfile::tempdir().unwrap();
    let production = [
        ("SEUNGIN__ENVIRONMENT", "production"),
        (
            "SEUNGIN__SECURITY__TOKEN_KEY",
            "8c3f8c3f8c3f8c3f8c3f8c3f8c3f8c3f8c3f8c3f8c3f8c3f8c3f8c3f8c3f8c3f",
        ),
        ("SEUNGIN__API__PUBLIC_URL", "https://pay.example.com"),
        ("TOSS_SECRET_KEY", "live_sk_0123456789"),
        ("TOSS_CLIENT_KEY", "live_ck_0123456789"),
    ];
    let (code, said) = run(&home.path().join("data"), &["seed"], &production);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("seungin staff add"), "{said}");
}
