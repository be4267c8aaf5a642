//! Workload *accept*: confirms that the API takes, with nobody working on them, against the bare handler with the same single commit. A
//! closed loop: as many clients as are told, each asks again as soon as it was answered. Every order is confirmed once,
//! so that no rate of the product's holds.

use anyhow::ensure;
use hyper::{Request, StatusCode};
use system_tests::Process;

use crate::bed::{Bed, QUEUE_PREFIX, address_of};
use crate::figures::{Figure, Figures, Run, percent};
use crate::load::{CLIENTS, closed_loop};
use crate::plan::Plan;
use crate::wire::{Whole, with_json};
use crate::{backlog, books, cost, load, token};

const FIGURES: [Figure; 6] = load::figures(Figure { key: "confirms_per_s", title: "confirms/s" });

/// The product takes at least so many hundredths of the confirms that the bare handler takes.
const PERCENT_MIN: u64 = 80;
const CONTENDERS: [&str; 2] = ["bare", "product"];

/// Measures both in turn, as often as the plan says.
pub(crate) async fn accept(bed: &Bed, plan: &Plan) -> anyhow::Result<Figures> {
    let confirms = plan.jobs / 2;
    let title = format!(
        "accept: {confirms} confirms by {CLIENTS} clients, {} connections to PostgreSQL, medians of {}",
        plan.connections, plan.rounds
    );
    let mut figures = Figures::new(title, &FIGURES, &CONTENDERS);
    for _ in 0..plan.rounds {
        for name in CONTENDERS {
            figures.add(name, run(bed, plan, name, confirms).await?);
        }
    }
    Ok(figures)
}

/// Says whether the product takes enough of them.
pub(crate) fn check(figures: &Figures) -> anyhow::Result<()> {
    let rate = |name| figures.median(name, "confirms_per_s").unwrap_or(0);
    let share = percent(rate("product"), rate("bare")).unwrap_or(0);
    ensure!(
        share >= PERCENT_MIN,
        "the API takes {share} % of the confirms that the bare handler takes, and has to take {PERCENT_MIN} %"
    );
    Ok(())
}

/// A tenth comes before what is measured: connections open and statements are prepared meanwhile.
async fn run(bed: &Bed, plan: &Plan, name: &str, confirms: u32) -> anyhow::Result<Run> {
    let warm = confirms / 10;
    backlog::fill_open(&bed.database, warm + confirms).await?;
    backlog::publish(&bed.servers.amqp_url, QUEUE_PREFIX, 0..0).await?;
    let before = bed.costs().await?;
    let (api, url) = if name == "bare" {
        start_bare(bed, plan)?
    } else {
        bed.start_api(plan.connections, &[]).await?
    };
    let host = url.trim_start_matches("http://");
    let wanted = StatusCode::ACCEPTED;
    closed_loop(host, CLIENTS, 0..warm, wanted, confirm).await?;
    let load = closed_loop(host, CLIENTS, warm..warm + confirms, wanted, confirm).await?;
    let cpu_ms = cost::cpu_ms(api.id());
    if name == "bare" {
        api.kill()
    } else {
        bed.stop(api)?
    }
    let costs = bed.costs().await?.since(before);
    let all = i64::from(warm + confirms);
    for rows in [
        "orders WHERE state = 'paying'",
        "payments WHERE state = 'confirming'",
        "jobs WHERE state = 'queued'",
    ] {
        let count = books::count(&bed.database, rows).await?;
        ensure!(count == all, "{count} {rows}, of {all}");
    }
    Ok(load.run(cpu_ms, costs, warm + confirms))
}

/// The confirm of an order that was written by SQL.
pub(crate) fn confirm(number: u32) -> anyhow::Result<Whole> {
    let order_id = backlog::order_id(number);
    let request = Request::post(format!("/v1/orders/{order_id}/confirm"));
    let text = format!(
        r#"{{"paymentKey":"{}","orderId":"{order_id}","amount":{},"paymentType":"NORMAL"}}"#,
        backlog::payment_key(number),
        backlog::AMOUNT
    );
    with_json(request, &token::bearer(&order_id), text)
}

/// Starts the bare handler; and `http://host:port` of it.
pub(crate) fn start_bare(bed: &Bed, plan: &Plan) -> anyhow::Result<(Process, String)> {
    let (queue, connections) = (backlog::queue_name(QUEUE_PREFIX), plan.connections.to_string());
    let words = ["bare", "--queue", &queue, "--connections", &connections];
    let mut bare = bed.start_own(&words, "bare")?;
    let url = address_of(&mut bare);
    Ok((bare, url))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(bare: u64, product: u64) -> Figures {
        let mut figures = Figures::new(String::new(), &FIGURES, &CONTENDERS);
        for (name, rate) in [("bare", bare), ("product", product)] {
            let mut run = vec![None; FIGURES.len()];
            run[0] = Some(rate);
            figures.add(name, run);
        }
        figures
    }

    #[test]
    fn the_api_has_to_take_four_fifths_of_what_the_bare_handler_takes() {
        assert!(check(&figures(1_000, 800)).is_ok());
        let said = check(&figures(1_000, 799)).unwrap_err().to_string();
        assert!(said.contains("79 %"), "{said}");
        assert!(check(&figures(0, 800)).is_err(), "nothing to compare with");
    }
}
