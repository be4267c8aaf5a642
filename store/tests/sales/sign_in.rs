//! Signing in: sessions that end, passwords that change, and guessing that gets slower.

use domain::StaffId;
use domain::role::Role;
use domain::sign_in::{
    FREE_TRIES, LOCK_MS_FIRST, Login, SESSION_IDLE_MS, SESSION_MS_MAX, SESSION_SEEN_EVERY_MS,
};
use store::sign_in::{KnownPassword, SESSIONS_MAX, SetPasswordError, SignInTry};
use store::staff::NewStaff;
use store::{Actor, Origin, PruneAges, PruneMode, PrunedTable};

use crate::fixture::Shop;

fn login(text: &str) -> Login {
    Login::parse(text).unwrap()
}

/// Somebody who may sign in under this name with the password of this hash.
async fn member(shop: &Shop, name: &str, hash: &str) -> StaffId {
    let token_hash = format!("token of {name}");
    let new = NewStaff { name: name.to_owned(), role: Role::Master, stores: vec![], token_hash };
    let id = shop.store.add_staff(&new).await.unwrap().id;
    shop.store.set_password(&id, &login(name), hash, &Actor::system()).await.unwrap();
    id
}

/// What a try is compared with; panics when it is locked.
async fn compare(shop: &Shop, typed: &str) -> Option<KnownPassword> {
    match shop.store.begin_sign_in(typed).await.unwrap() {
        SignInTry::Compare(known) => known,
        SignInTry::Locked { until_ms } => panic!("{typed} is locked until {until_ms}"),
    }
}

async fn sign_in(shop: &Shop, typed: &str, session: &str) -> bool {
    let known = compare(shop, typed).await.unwrap();
    shop.store.sign_in(&known, session, &Origin::default()).await.unwrap()
}

async fn is_signed_in(shop: &Shop, session: &str) -> bool {
    shop.store.find_session(session, true).await.unwrap().is_some()
}

#[tokio::test]
async fn whoever_signs_in_is_known_by_the_session_until_they_sign_out() {
    let shop = Shop::open_empty().await;
    let id = member(&shop, "hana", "hash").await;
    let known = compare(&shop, " HANA ").await.unwrap();
    assert_eq!((&known.staff_id, known.hash.as_str()), (&id, "hash"));
    assert!(shop.store.sign_in(&known, "session", &Origin::default()).await.unwrap());
    let member = shop.store.find_session("session", true).await.unwrap().unwrap();
    assert_eq!((member.id, member.login.as_deref()), (id, Some("hana")));
    assert!(!is_signed_in(&shop, "guessed").await);
    shop.store.sign_out("session").await.unwrap();
    assert!(!is_signed_in(&shop, "session").await);
    shop.store.sign_out("session").await.unwrap();
}

#[tokio::test]
async fn the_last_time_that_somebody_signed_in_is_known() {
    let shop = Shop::open_empty().await;
    let hana = member(&shop, "hana", "hash").await;
    let never = member(&shop, "never", "hash").await;
    assert!(sign_in(&shop, "hana", "first").await);
    shop.store.advance_clock(60_000);
    let before_ms = shop.store.now_ms().await.unwrap();
    assert!(sign_in(&shop, "hana", "second").await);
    let known = shop.store.last_sign_ins(&[&hana, &never]).await.unwrap();
    assert_eq!(known.len(), 1, "{known:?}");
    assert!(known[hana.as_str()] >= before_ms);
}

#[tokio::test]
async fn a_session_ends_when_nobody_uses_it_and_at_the_end_of_the_day_whoever_does() {
    let shop = Shop::open_empty().await;
    member(&shop, "hana", "hash").await;
    assert!(sign_in(&shop, "hana", "left").await && sign_in(&shop, "hana", "used").await);
    assert!(sign_in(&shop, "hana", "open").await);
    let steps = SESSION_MS_MAX / (SESSION_IDLE_MS / 2);
    for _ in 1..steps {
        shop.store.advance_clock(SESSION_IDLE_MS / 2);
        assert!(is_signed_in(&shop, "used").await);
        // A page that is left open asks again and again, and that is nobody's use of it.
        shop.store.find_session("open", false).await.unwrap();
    }
    assert!(!is_signed_in(&shop, "left").await && !is_signed_in(&shop, "open").await);
    shop.store.advance_clock(SESSION_IDLE_MS / 2);
    assert!(!is_signed_in(&shop, "used").await, "a working day is over");
}

#[tokio::test]
async fn requests_within_a_minute_write_nothing() {
    let shop = Shop::open_empty().await;
    member(&shop, "hana", "hash").await;
    assert!(sign_in(&shop, "hana", "session").await);
    shop.store.advance_clock(SESSION_SEEN_EVERY_MS / 2);
    shop.store.fail_commits(u32::MAX);
    assert!(is_signed_in(&shop, "session").await);
    shop.store.fail_commits(0);
}

#[tokio::test]
async fn another_password_ends_every_session_and_the_one_before_signs_nobody_in() {
    let shop = Shop::open_empty().await;
    let id = member(&shop, "hana", "old").await;
    let old = compare(&shop, "hana").await.unwrap();
    assert!(shop.store.sign_in(&old, "session", &Origin::default()).await.unwrap());
    shop.store.set_password(&id, &login("hana"), "new", &Actor::system()).await.unwrap();
    assert!(!is_signed_in(&shop, "session").await);
    assert!(!shop.store.sign_in(&old, "late", &Origin::default()).await.unwrap());
    assert!(!is_signed_in(&shop, "late").await);
}

#[tokio::test]
async fn whoever_is_disabled_is_signed_out_and_cannot_come_back() {
    let shop = Shop::open_empty().await;
    let id = member(&shop, "hana", "hash").await;
    let known = compare(&shop, "hana").await.unwrap();
    assert!(sign_in(&shop, "hana", "session").await);
    shop.store.disable_staff(&id, &Actor::system()).await.unwrap();
    assert!(!is_signed_in(&shop, "session").await);
    assert!(compare(&shop, "hana").await.is_none());
    assert!(!shop.store.sign_in(&known, "late", &Origin::default()).await.unwrap());
    let set = shop.store.set_password(&id, &login("hana"), "new", &Actor::system()).await;
    assert!(matches!(set, Err(SetPasswordError::Disabled)));
}

#[tokio::test]
async fn guessing_is_paused_alike_for_names_that_exist_and_names_that_do_not() {
    let shop = Shop::open_empty().await;
    member(&shop, "hana", "hash").await;
    for name in ["hana", "nobody", "이름이 아님"] {
        for _ in 0..FREE_TRIES {
            compare(&shop, name).await;
        }
        let locked = shop.store.begin_sign_in(name).await.unwrap();
        assert!(matches!(locked, SignInTry::Locked { .. }), "{name}: {locked:?}");
    }
    shop.store.advance_clock(LOCK_MS_FIRST + 1);
    assert!(sign_in(&shop, "hana", "session").await, "after the pause the right password counts");
    for _ in 1..FREE_TRIES {
        compare(&shop, "hana").await;
    }
    assert!(compare(&shop, "hana").await.is_some(), "who signed in has all tries again");
}

#[tokio::test]
async fn many_tries_at_once_are_all_counted() {
    let shop = Shop::open_empty().await;
    member(&shop, "hana", "hash").await;
    let tries = (0..20).map(|_| shop.store.begin_sign_in("hana"));
    let outcomes = futures_util::future::join_all(tries).await;
    let compared =
        outcomes.iter().filter(|it| matches!(it, Ok(SignInTry::Compare(Some(_))))).count();
    assert_eq!(compared, usize::try_from(FREE_TRIES).unwrap(), "{outcomes:?}");
}

#[tokio::test]
async fn a_name_belongs_to_one() {
    let shop = Shop::open_empty().await;
    member(&shop, "hana", "hash").await;
    let other = member(&shop, "duri", "hash").await;
    let taken = shop.store.set_password(&other, &login("hana"), "h", &Actor::system()).await;
    assert!(matches!(taken, Err(SetPasswordError::LoginTaken { .. })));
    let nobody = StaffId::parse("nobody").unwrap();
    let unknown = shop.store.set_password(&nobody, &login("x1"), "h", &Actor::system()).await;
    assert!(matches!(unknown, Err(SetPasswordError::Unknown)));
    assert!(sign_in(&shop, "duri", "session").await);
}

#[tokio::test]
async fn the_oldest_of_too_many_sessions_ends() {
    let shop = Shop::open_empty().await;
    member(&shop, "hana", "hash").await;
    for number in 0..=SESSIONS_MAX {
        shop.store.advance_clock(1);
        assert!(sign_in(&shop, "hana", &format!("session-{number}")).await);
    }
    assert!(!is_signed_in(&shop, "session-0").await);
    assert!(is_signed_in(&shop, "session-1").await);
    assert!(is_signed_in(&shop, &format!("session-{SESSIONS_MAX}")).await);
}

#[tokio::test]
async fn sessions_and_tries_are_forgotten_a_while_after_the_last_of_them() {
    let shop = Shop::open_empty().await;
    member(&shop, "hana", "hash").await;
    assert!(sign_in(&shop, "hana", "session").await);
    compare(&shop, "nobody").await;
    let ages = PruneAges {
        jobs_ms: i64::MAX,
        idempotency_ms: i64::MAX,
        webhooks_ms: i64::MAX,
        poison_ms: i64::MAX,
        workers_ms: i64::MAX,
        sessions_ms: 1_000,
    };
    let run = async || {
        let mut run = shop.store.prune(&ages, PruneMode::Delete).await.unwrap();
        while run.next_batch(10).await.unwrap().is_some() {}
        let of = |table| run.counts().of(table);
        (of(PrunedTable::WebSessions), of(PrunedTable::SignInTries))
    };
    assert_eq!(run().await, (0, 0));
    shop.store.advance_clock(1_100);
    assert_eq!(run().await, (1, 1));
}
