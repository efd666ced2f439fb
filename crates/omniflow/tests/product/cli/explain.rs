//! `explain`, in each state.

use super::{create, done, json};
use crate::scenarios::LARGE;
use crate::server::{Server, still};

/// Asserts that an order is explained with these words, in English and Chinese.
#[track_caller]
fn explained(server: &Server, id: &str, english: &[&str], chinese: &[&str]) {
    for (language, words) in [("en", english), ("zh", chinese)] {
        let text = done(server, &["orders", "explain", id, "--lang", language]);
        for word in words {
            assert!(text.contains(word), "{word:?} in {text}");
        }
        assert!(text.lines().all(|line| !line.trim().is_empty()), "{text}");
    }
}

fn script(server: &Server, provider: &str, steps: &str) {
    let answer = server
        .client
        .put(&format!("/api/v1/dev/providers/{provider}"), &format!(r#"{{"script":[{steps}]}}"#));
    assert_eq!(answer.status, 204, "{answer:?}");
}

fn paid(server: &Server) -> String {
    let id = create(server, &["iPhone 15=2", "--amount", "500"]);
    done(server, &["orders", "pay", &id, "--payment-id", "pi_1"]);
    id
}

#[test]
fn an_order_in_review_names_the_reviewer() {
    let (_place, server) = still();
    let id = server.client.place(LARGE);
    let approve = format!("A reviewer can approve it: omniflow orders approve {id}");
    explained(
        &server,
        &id,
        &["(1 × Mac Pro; 20000 USD) is in fraud review", "no time limit", "whole payment window", &approve],
        &["正在等待风控审核", "没有时间限制", &format!("审核人员可以拒绝：omniflow orders reject {id}")],
    );
    done(&server, &["orders", "pay", &id]);
    explained(
        &server,
        &id,
        &["payment has come already", "Approved, it ships at once"],
        &["款项已收到", "立即发货"],
    );
}

#[test]
fn an_order_awaiting_payment_says_until_when_by_the_servers_clock() {
    let (_place, server) = still();
    let id = create(&server, &["HomePod", "--amount", "5", "--payment-window", "72h"]);
    server.client.advance("PT2H59M30S");
    done(&server, &["orders", "pay", &id, "--outcome", "declined", "--payment-id", "a"]);
    let due = server.client.order(&id)["deadlines"]["payment_due_at"].as_str().unwrap().to_owned();
    let due = due.split('.').next().unwrap().trim_end_matches('Z').replace('T', " ") + " UTC";
    explained(
        &server,
        &id,
        &[
            "needed no review",
            &format!("It waits for a payment until {due} (2 d 21 h left). One try was declined"),
            &format!("omniflow orders cancel {id}"),
        ],
        &["无需风控审核", &format!("截止 {due}（还剩 2 天 21 小时）。有 1 次支付被拒")],
    );
    let approved = server.client.place(LARGE);
    done(&server, &["orders", "approve", &approved]);
    explained(
        &server,
        &approved,
        &["its review has approved it", "(30 s left)"],
        &["审核已通过", "还剩 30 秒"],
    );
}

#[test]
fn an_order_being_shipped_waits_for_the_carrier() {
    let (_place, server) = still();
    let id = paid(&server);
    explained(
        &server,
        &id,
        &[
            "is paid and being shipped",
            "waits for the carrier to take",
            "refuses it for good",
            "Nobody can do anything",
        ],
        &["已支付，正在发货", "等待承运商接收", "无需也无法"],
    );
    script(&server, "carrier", r#"{"do":"accept","ms":3600000}"#);
    let accepted = paid(&server);
    server.client.advance("PT10S");
    explained(&server, &accepted, &["The carrier has accepted"], &["承运商已受理"]);
    explained(
        &server,
        &id,
        &["is completed since", "tracking number TRK-", "given back"],
        &["运单号 TRK-", "自动退回"],
    );
}

#[test]
fn a_shipment_that_needs_a_person_says_why_and_what_can_be_done() {
    let (_place, server) = still();
    for (step, english, chinese) in [
        (
            "hang",
            "outcome unknown (4 made; no answer within 3000 ms); an attempt may have",
            "结果未知（共尝试 4 次",
        ),
        ("fail", "; none of the attempts has taken effect", "多次尝试失败（共尝试 4 次"),
    ] {
        script(&server, "carrier", &format!(r#"{{"do":"{step}","times":4}}"#));
        let id = paid(&server);
        server.client.advance("PT60S");
        let skip = format!("count it as done: omniflow orders skip {id} --reason TEXT");
        explained(
            &server,
            &id,
            &[
                "A person is needed for its shipment",
                english,
                "until somebody decides",
                &skip,
                "orders retry",
                "orders compensate",
            ],
            &["发货（", chinese, "再次请求承运商"],
        );
    }
}

#[test]
fn an_order_that_is_undone_says_what_was_undone_and_why() {
    let (_place, server) = still();
    script(&server, "carrier", r#"{"do":"refuse","reason":"no such street"}"#);
    let failed = paid(&server);
    server.client.advance("PT10S");
    explained(
        &server,
        &failed,
        &[
            "has failed (shipping failed: no such street).",
            "the carrier refused the shipment at ",
            "payment pi_1 of 500 USD was refunded at ",
            "its stock is free again since ",
            "waits for nothing",
        ],
        &["已失败（发货失败：no such street）。", "支付 pi_1（500 USD）已于", "库存已于"],
    );
    let expired = create(&server, &["HomePod", "--amount", "5"]);
    server.client.advance("PT30S");
    explained(&server, &expired, &["is cancelled (payment timed out)."], &["已取消（支付超时）。"]);
    let rejected = server.client.place(LARGE);
    done(&server, &["orders", "reject", &rejected, "--reason", "stolen"]);
    explained(
        &server,
        &rejected,
        &["is closed (rejected in review: stolen)."],
        &["已关闭（风控拒绝：stolen）。"],
    );
    let cancelled = create(&server, &["HomePod", "--amount", "5"]);
    done(&server, &["orders", "cancel", &cancelled]);
    explained(&server, &cancelled, &["is cancelled (cancelled on request)."], &["已取消（应要求取消）。"]);
}

#[test]
fn an_order_whose_refund_is_stuck_is_still_being_undone() {
    let (_place, server) = still();
    script(&server, "payments", r#"{"do":"refuse","reason":"account closed"}"#);
    let id = server.client.place(LARGE);
    done(&server, &["orders", "pay", &id, "--payment-id", "pi_9"]);
    done(&server, &["orders", "reject", &id]);
    server.client.advance("PT60S");
    explained(
        &server,
        &id,
        &[
            "is being undone (rejected in review).",
            "A person is needed for a refund",
            "(1 made; account closed); the provider has refused it for good",
            "Then it ends as rejected",
            "Being undone: 20000 USD of payment pi_9",
            "who has paid it back",
        ],
        &["正在回滚（风控拒绝）。", "退款（", "服务商已最终拒绝", "之后以 rejected"],
    );
    done(&server, &["orders", "skip", &id, "--reason", "by cheque"]);
    explained(&server, &id, &["a person has counted the refund of 20000 USD"], &["由人工确认为已完成"]);
}

#[test]
fn a_shipment_that_was_counted_as_done_says_so() {
    let (_place, server) = still();
    script(&server, "carrier", r#"{"do":"hang","times":4}"#);
    let id = paid(&server);
    server.client.advance("PT60S");
    done(&server, &["orders", "skip", &id, "--reason", "seen"]);
    explained(&server, &id, &["a person has counted its shipment as done"], &["发货由人工确认"]);
}

#[test]
fn for_scripts_the_sentences_are_a_list() {
    let (_place, server) = still();
    let id = create(&server, &["HomePod", "--amount", "5"]);
    let explanation = json(&server, &["orders", "explain", &id]);
    assert_eq!(
        (&explanation["order_id"], &explanation["state"]),
        (&id.as_str().into(), &"awaiting_payment".into())
    );
    let text = done(&server, &["orders", "explain", &id]);
    let sentences = explanation["sentences"].as_array().unwrap();
    assert_eq!(
        sentences.iter().map(|sentence| sentence.as_str().unwrap().to_owned() + "\n").collect::<String>(),
        text
    );
}
