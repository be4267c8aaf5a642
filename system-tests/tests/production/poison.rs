//! Messages that are none of ours stand in nobody's way, and a person can see them.

use crate::fleet::{Shape, on_a_fleet};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_make_no_sense_are_set_aside_and_others_flow() {
    on_a_fleet(Shape::with_workers(2), async |fleet| {
        let poison: [(&[u8], &str); 4] = [
            (b"\xff\xfe\x00 garbage", "garbage"),
            (br#"{"v":7,"job":"from the future"}"#, "from the future"),
            (br#"{"v":1,"job":"019ab1c2-0000-7000-8000-000000000000"}"#, "019ab1c2-0000-7000-8000"),
            (br#"{"v":1}"#, r#"{"v":1}"#),
        ];
        for (body, _) in poison {
            fleet.operator.publish("confirm", body).await;
        }
        fleet.pay(10).await;
        let kept = fleet
            .rows
            .wait_for("poison messages", async || {
                Some(fleet.rows.poison_messages().await).filter(|all| all.len() >= poison.len())
            })
            .await;
        assert_eq!(kept.len(), poison.len(), "each is kept once: {kept:?}");
        for (_, words) in poison {
            let mut of_it = kept.iter().filter(|one| one.body.contains(words));
            let one = of_it.next().unwrap_or_else(|| panic!("{words} was not kept: {kept:?}"));
            assert!(!one.reason.is_empty() && one.detail.is_some(), "{one:?}");
        }
        fleet.pay(10).await;
        let said: String = fleet.workers.iter().map(system_tests::Process::said).collect();
        assert!(said.contains(r#""alert":"poison_message""#), "nobody was told: {said}");
    })
    .await;
}
