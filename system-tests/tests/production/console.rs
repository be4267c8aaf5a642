//! The console alone, where customers do not reach it.

use crate::fleet::{Shape, address_in, on_a_fleet};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_runs_alone_and_serves_nothing_but_its_pages() {
    on_a_fleet(Shape { has_servers: true, apis: 1, workers: 1 }, async |fleet| {
        let arguments = ["console", "--listen", "127.0.0.1:0"];
        let mut process = fleet.start_command("console", &arguments);
        let url = address_in(&mut process, "the console listens on ");
        fleet.wait_for_ready(&url, 200).await;
        let status = async |path: &str| fleet.client.get(&format!("{url}{path}")).await.status;
        assert_eq!(status("/console/sign-in").await, 200);
        assert_eq!(status("/livez").await, 200);
        for path in ["/v1/stores", "/v1/jobs", "/v1/webhooks/toss", "/docs", "/shop", "/"] {
            assert_eq!(status(path).await, 404, "{path}");
        }
        // The API has it too.
        let api = &fleet.apis[0].url;
        assert_eq!(fleet.client.get(&format!("{api}/console/sign-in")).await.status, 200);
    })
    .await;
}
