//! `seungin staff`: a token is shown once, and works until it is disabled.

use crate::http;
use crate::process::Place;

fn list_orders(api: &str, token: &str) -> u16 {
    http::get(&format!("{api}/v1/orders"), Some(token)).0
}

#[test]
fn somebody_who_was_added_may_act_until_they_are_disabled() {
    let place = Place::new();
    let running = place.start();
    let added = place
        .run(&[
            "staff",
            "add",
            "--name",
            "최점장",
            "--role",
            "owner",
            "--store",
            "malatang-hongdae",
        ])
        .expect(0);
    let token = added.stdout.trim();
    assert!(token.starts_with("sst_") && !token.contains(char::is_whitespace), "{token}");
    assert!(!added.stderr.contains(token));
    assert_eq!(list_orders(&running.api, token), 200);

    let rows = place.run(&["staff", "list", "--json"]).expect(0).json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 4, "three demo staff and the new one");
    let row = rows.iter().find(|row| row["name"] == "최점장").unwrap();
    assert_eq!((&row["role"], &row["disabled"]), (&"owner".into(), &false.into()));
    assert!(!rows.iter().any(|row| row.to_string().contains("sst_")));
    let plain = place.run(&["staff", "list"]).expect(0);
    assert!(plain.stdout.contains("최점장") && !plain.stdout.contains("sst_"));

    place.run(&["staff", "disable", row["staffId"].as_str().unwrap()]).expect(0);
    assert_eq!(list_orders(&running.api, token), 401);
    running.stop().expect(0);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let place = Place::new();
    place.run(&["migrate"]).expect(0);
    let unknown =
        place.run(&["staff", "add", "--name", "x", "--role", "owner", "--store", "nowhere"]);
    assert!(unknown.expect(1).stderr.contains("nowhere"));
    let nobody = place.run(&["staff", "add", "--name", "x", "--role", "manager"]).expect(1);
    assert!(nobody.stderr.contains("--store") && nobody.stdout.is_empty());
    assert!(place.run(&["staff", "disable", "nobody"]).expect(1).stderr.contains("nobody"));
}

#[test]
fn a_password_is_read_from_a_pipe_and_a_weak_one_is_refused() {
    let place = Place::new();
    let running = place.start();
    let rows = place.run(&["staff", "list", "--json"]).expect(0).json();
    let row = rows.as_array().unwrap().iter().find(|row| row["role"] == "owner").unwrap();
    let id = row["staffId"].as_str().unwrap();
    assert_eq!(row["login"], "owner");
    let passwd = ["staff", "passwd", id, "--login", "Hana", "--password-stdin"];
    let weak = place.run_with_input(&passwd, "short\n").expect(1);
    assert!(weak.stderr.contains("at least 12 characters"), "{}", weak.stderr);
    let set = place.run_with_input(&passwd, "korean rice cakes\n").expect(0);
    assert!(!set.stderr.contains("rice") && set.stdout.is_empty(), "{}", set.stderr);

    let sign_in = |login: &str, password: &str| {
        let form = format!("login={login}&password={password}");
        http::post_form(&format!("{}/console/sign-in", running.api), &form).0
    };
    assert_eq!(sign_in("hana", "korean+rice+cakes"), 303);
    assert_eq!(sign_in("hana", "korean+rice+cake"), 422);
    let taken = ["staff", "passwd", id, "--login", "master", "--password-stdin"];
    let taken = place.run_with_input(&taken, "korean rice cakes\n").expect(1);
    assert!(taken.stderr.contains("somebody else signs in as master"), "{}", taken.stderr);
    running.stop().expect(0);
}
