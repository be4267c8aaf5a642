//! Staff: who a token belongs to, and what the audit says about everybody.

use domain::StaffId;
use domain::role::{Action, Role};
use store::audit::AuditFilter;

use store::staff::{AddStaffError, NewStaff};
use store::{Origin, sha256_hex};

use crate::fixture::{GIMBAP, MALA, Shop, product, store_id};

fn new_staff(name: &str, role: Role, stores: &[&str]) -> NewStaff {
    NewStaff {
        name: name.to_owned(),
        role,
        stores: stores.iter().map(|id| store_id(id)).collect(),
        token_hash: sha256_hex(format!("token of {name}")),
    }
}

#[tokio::test]
async fn a_token_belongs_to_its_member_until_they_are_disabled() {
    let shop = Shop::open().await;
    let new = new_staff("민지", Role::Owner, &[MALA, GIMBAP, MALA]);
    let added = shop.store.add_staff(&new).await.unwrap();
    assert_eq!(added.stores, [store_id(GIMBAP), store_id(MALA)]);
    assert!(added.member().may(Action::Cancel, &store_id(MALA)));
    let found = shop.store.find_staff_by_token_hash(&new.token_hash).await.unwrap();
    assert_eq!(found, Some(added.clone()));
    let unknown = shop.store.find_staff_by_token_hash(&sha256_hex("something else")).await.unwrap();
    assert_eq!(unknown, None);

    let master = shop.store.add_staff(&new_staff("master", Role::Master, &[])).await.unwrap();
    let master = master.actor(Origin::default());
    for _ in 0..2 {
        let disabled = shop.store.disable_staff(&added.id, &master).await.unwrap().unwrap();
        assert!(disabled.is_disabled);
    }
    assert_eq!(shop.store.find_staff_by_token_hash(&new.token_hash).await.unwrap(), None);
    let by_master = AuditFilter {
        actor: Some(master.id.clone()),
        action: Some("staff.disable".to_owned()),
        ..AuditFilter::default()
    };
    let audited = shop.store.list_audit(&by_master, None, 10).await.unwrap().rows;
    let subjects: Vec<_> = audited.iter().map(|entry| entry.subject.as_str()).collect();
    assert_eq!(subjects, [added.id.as_str()], "once, by whoever did it first");
    let nobody = StaffId::parse("nobody").unwrap();
    assert!(shop.store.disable_staff(&nobody, &master).await.unwrap().is_none());
}

#[tokio::test]
async fn nobody_is_added_for_a_store_that_does_not_exist_or_with_a_token_that_is_taken() {
    let shop = Shop::open().await;
    let error =
        shop.store.add_staff(&new_staff("a", Role::Manager, &[MALA, "nowhere"])).await.unwrap_err();
    assert!(
        matches!(&error, AddStaffError::UnknownStore { store } if store.as_str() == "nowhere"),
        "{error:?}"
    );
    shop.store.add_staff(&new_staff("a", Role::Master, &[])).await.unwrap();
    let error = shop.store.add_staff(&new_staff("a", Role::Owner, &[MALA])).await.unwrap_err();
    assert!(matches!(error, AddStaffError::TokenTaken), "{error:?}");
    let everybody = shop.store.list_staff(None, 10).await.unwrap().rows;
    assert_eq!(everybody.iter().map(|member| member.role).collect::<Vec<_>>(), [Role::Master]);
    assert_eq!(shop.audited("staff.add").await, 1);
}

#[tokio::test]
async fn staff_are_listed_page_by_page_with_their_stores() {
    let shop = Shop::open().await;
    for number in 0..5 {
        let new = new_staff(&format!("member {number}"), Role::Manager, &[MALA]);
        shop.store.add_staff(&new).await.unwrap();
    }
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let page = shop.store.list_staff(after.as_deref(), 2).await.unwrap();
        for member in page.rows {
            assert_eq!(member.stores, [store_id(MALA)]);
            names.push(member.name);
        }
        assert!(names.len() <= 100, "the pages do not end");
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(names, ["member 0", "member 1", "member 2", "member 3", "member 4"]);
}

#[tokio::test]
async fn the_audit_is_read_newest_first_and_names_who_did_it() {
    let shop = Shop::open().await;
    let member = shop.store.add_staff(&new_staff("민지", Role::Owner, &[MALA])).await.unwrap();
    let actor = member.actor(Origin::default());
    for price in [1_000, 2_000, 3_000] {
        shop.store.put_product(&actor, &store_id(MALA), &product("bun", price)).await.unwrap();
    }
    let filter = AuditFilter {
        store: Some(store_id(MALA)),
        subject: Some("bun".to_owned()),
        ..AuditFilter::default()
    };
    let (mut entries, mut after) = (Vec::new(), None);
    loop {
        let page = shop.store.list_audit(&filter, after.as_deref(), 2).await.unwrap();
        entries.extend(page.rows);
        assert!(entries.len() <= 100, "the pages do not end");
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let prices: Vec<_> = entries
        .iter()
        .map(|entry| entry.detail.clone().unwrap()["after"]["price"].clone())
        .collect();
    assert_eq!(prices, [3_000, 2_000, 1_000]);
    assert!(entries.iter().all(|entry| entry.actor_name.as_deref() == Some("민지")));
    assert!(entries.iter().all(|entry| entry.actor == member.id.as_str()));
    let elsewhere = AuditFilter {
        store: Some(store_id(GIMBAP)),
        subject: Some("bun".to_owned()),
        ..AuditFilter::default()
    };
    assert!(shop.store.list_audit(&elsewhere, None, 10).await.unwrap().rows.is_empty());
}
