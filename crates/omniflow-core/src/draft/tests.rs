//! What can be placed, and what is said about what cannot.

use crate::given::usd;
use crate::{
    Currency, Draft, DraftAdjustment, DraftAmount, DraftLine, FieldFault, MAX_LINES, MAX_MINOR,
    MAX_WINDOW_SECONDS, PolicyBook, RULES, Terms,
};

fn major(text: &str) -> DraftAmount {
    DraftAmount { major: Some(text.to_owned()), minor: None }
}

fn minor(minor: i64) -> DraftAmount {
    DraftAmount { major: None, minor: Some(minor) }
}

fn item(sku: &str) -> DraftLine {
    DraftLine { line_id: None, sku: sku.to_owned(), quantity: 1, unit_price: DraftAmount::default() }
}

fn priced(sku: &str, quantity: i64, price: &str) -> DraftLine {
    DraftLine { quantity, unit_price: major(price), ..item(sku) }
}

fn adjustment(kind: &str, amount: DraftAmount) -> DraftAdjustment {
    DraftAdjustment { kind: kind.to_owned(), label: None, amount }
}

/// `{"amount": 500, "items": ["iPhone 15"]}`
fn simple() -> Draft {
    Draft { amount: major("500"), items: vec![item("iPhone 15")], ..Draft::default() }
}

fn placed(draft: &Draft) -> Terms {
    draft.check(&PolicyBook::default()).unwrap()
}

/// Each fault as `pointer: detail`.
fn faults(draft: &Draft) -> Vec<String> {
    let faults = draft.check(&PolicyBook::default()).unwrap_err();
    faults.into_iter().map(|fault| format!("{}: {}", fault.pointer, fault.detail)).collect()
}

#[track_caller]
fn one_fault(draft: &Draft, expected: &str) {
    assert_eq!(faults(draft), [expected]);
}

#[test]
fn the_shortest_order_takes_every_default() {
    let terms = placed(&simple());
    assert_eq!(terms.total, usd(50_000));
    assert_eq!((terms.lines[0].line_id.as_str(), terms.lines[0].quantity), ("1", 1));
    assert_eq!((terms.policies.rules, terms.policies.payment_window_ms), (RULES, 30_000));
    assert!(!terms.needs_review());
}

#[test]
fn lines_stay_as_sent_and_only_stock_adds_them_up() {
    let items = vec![
        DraftLine { quantity: 2, ..item("b") },
        item("a"),
        DraftLine { line_id: Some("x".into()), ..item("b") },
    ];
    let terms = placed(&Draft { items, ..simple() });
    assert_eq!(terms.lines.iter().map(|line| line.line_id.as_str()).collect::<Vec<_>>(), ["1", "2", "x"]);
    let demand: Vec<_> =
        terms.demand().iter().map(|demand| (demand.sku.to_string(), demand.quantity)).collect();
    assert_eq!(demand, [("a".to_owned(), 1), ("b".to_owned(), 3)]);
}

#[test]
fn either_amount_or_both_if_they_agree() {
    let both = |text: &str, minor| DraftAmount { major: Some(text.to_owned()), minor: Some(minor) };
    assert_eq!(placed(&Draft { amount: minor(50_000), ..simple() }).total, usd(50_000));
    assert_eq!(placed(&Draft { amount: both("500.00", 50_000), ..simple() }).total, usd(50_000));
    one_fault(&Draft { amount: both("500", 500), ..simple() }, "/amount_minor: must agree with 500");
}

#[test]
fn an_amount_is_above_zero_exact_and_countable() {
    let most = "/amount: must be above zero and at most 90071992547409.91";
    for amount in ["0", "-1", "-0.01", "90071992547409.92"] {
        one_fault(&Draft { amount: major(amount), ..simple() }, most);
    }
    one_fault(&Draft { amount: minor(0), ..simple() }, &most.replace("/amount", "/amount_minor"));
    one_fault(&Draft { amount: major("1e30"), ..simple() }, "/amount: is too large");
    one_fault(&Draft { amount: major("x"), ..simple() }, "/amount: must be a number");
    let precise = "/amount: has more decimals than USD, which has 2 of them";
    one_fault(&Draft { amount: major("0.001"), ..simple() }, precise);
    assert_eq!(placed(&Draft { amount: minor(MAX_MINOR), ..simple() }).total, usd(MAX_MINOR));
}

#[test]
fn the_amount_may_be_left_out_where_every_line_has_a_price() {
    let draft = Draft {
        amount: DraftAmount::default(),
        items: vec![priced("a", 3, "9.99"), priced("b", 1, "0")],
        adjustments: vec![adjustment("shipping", major("5")), adjustment("discount", minor(-97))],
        ..Draft::default()
    };
    assert_eq!(placed(&draft).total, usd(3_400));
    assert_eq!(placed(&Draft { amount: major("34"), ..draft.clone() }).total, usd(3_400));
    let wrong = Draft { amount: major("33"), ..draft.clone() };
    one_fault(&wrong, "/amount: must equal lines plus adjustments, 34, or be left out");
    let unpriced = Draft { items: vec![priced("a", 3, "9.99"), item("b")], ..draft.clone() };
    assert!(faults(&unpriced)[0].starts_with("/amount: is required"));
    assert_eq!(placed(&Draft { amount: major("1"), ..unpriced }).total, usd(100), "prices are not complete");
    let nothing = Draft { items: vec![priced("a", 1, "0")], adjustments: vec![], ..draft };
    assert!(faults(&nothing)[0].starts_with("/amount: must be above zero"));
}

#[test]
fn what_cannot_be_added_up_is_a_fault() {
    let items = vec![priced("a", 1_000_000, "90071992547409.91"); 2];
    let draft = Draft { amount: DraftAmount::default(), items, ..Draft::default() };
    one_fault(&draft, "/items: add up to more than can be counted");
}

#[test]
fn lines_are_one_to_two_hundred() {
    one_fault(&Draft { items: vec![], ..simple() }, "/items: must have 1 to 200 lines");
    one_fault(
        &Draft { items: vec![item("a"); MAX_LINES + 1], ..simple() },
        "/items: must have 1 to 200 lines",
    );
    assert_eq!(placed(&Draft { items: vec![item("a"); MAX_LINES], ..simple() }).lines.len(), MAX_LINES);
}

#[test]
fn each_line_is_checked_in_its_place() {
    let bad = |line: DraftLine| Draft { items: vec![item("a"), line], ..simple() };
    let quantity = "/items/1/quantity: must be a whole number from 1 to 1000000";
    for wrong in [0, -1, 1_000_001, i64::MAX] {
        one_fault(&bad(DraftLine { quantity: wrong, ..item("b") }), quantity);
    }
    one_fault(&bad(item("")), "/items/1/sku: must not be empty");
    one_fault(&bad(item("a\0b")), "/items/1/sku: must not contain control characters");
    one_fault(&bad(item(&"x".repeat(101))), "/items/1/sku: must have at most 100 characters");
    let negative = "/items/1/unit_price: must not be negative or beyond counting";
    one_fault(&bad(priced("b", 1, "-1")), negative);
    one_fault(
        &bad(DraftLine { unit_price: minor(-1), ..item("b") }),
        &negative.replace("price", "price_minor"),
    );
    one_fault(
        &bad(DraftLine { line_id: Some(String::new()), ..item("b") }),
        "/items/1/line_id: must not be empty",
    );
}

#[test]
fn a_line_id_stands_once_also_beside_those_that_were_left_out() {
    let items = vec![DraftLine { line_id: Some("2".into()), ..item("a") }, item("b")];
    let taken = "/items/1/line_id: must be unique in the order, and 2 is taken by a line before";
    one_fault(&Draft { items, ..simple() }, taken);
    let twice = || DraftLine { line_id: Some("x".into()), ..item("a") };
    let items = vec![item(""), twice(), twice()];
    let expected = [
        "/items/0/sku: must not be empty",
        "/items/2/line_id: must be unique in the order, and x is taken by a line before",
    ];
    assert_eq!(faults(&Draft { items, ..simple() }), expected);
}

#[test]
fn adjustments_have_their_sign() {
    let bad = |kind, amount| Draft { adjustments: vec![adjustment(kind, amount)], ..simple() };
    for kind in ["shipping", "tax", "fee"] {
        one_fault(
            &bad(kind, minor(-1)),
            "/adjustments/0/amount_minor: must not be negative, or beyond counting",
        );
        placed(&bad(kind, minor(0)));
    }
    one_fault(
        &bad("discount", major("1")),
        "/adjustments/0/amount: must not be above zero, or beyond counting",
    );
    placed(&bad("discount", minor(0)));
    placed(&bad("discount", minor(-MAX_MINOR)));
    for beyond in [-MAX_MINOR - 1, i64::MIN] {
        assert_eq!(faults(&bad("discount", minor(beyond))).len(), 1);
    }
    one_fault(&bad("gift", minor(-1)), "/adjustments/0/kind: must be shipping, tax, discount or fee");
    one_fault(&bad("tax", DraftAmount::default()), "/adjustments/0/amount: is required");
    one_fault(&bad("tax", major("x")), "/adjustments/0/amount: must be a number");
    let most = vec![adjustment("tax", minor(1)); MAX_LINES];
    assert_eq!(placed(&Draft { adjustments: most, ..simple() }).adjustments.len(), MAX_LINES);
    let many = vec![adjustment("tax", minor(1)); MAX_LINES + 1];
    one_fault(&Draft { adjustments: many, ..simple() }, "/adjustments: must have at most 200 entries");
}

#[test]
fn a_currency_is_taken_where_it_has_a_review_threshold() {
    for code in ["JPY", "HRK", "usd", "XAU", "BITCOIN"] {
        let faults =
            Draft { currency: Some(code.into()), ..simple() }.check(&PolicyBook::default()).unwrap_err();
        assert_eq!((faults.len(), faults[0].fault), (1, FieldFault::UnsupportedCurrency), "{code}");
        assert_eq!(faults[0].pointer, "/currency");
    }
    let yen = Currency::from_code("JPY").unwrap();
    let mut book = PolicyBook::default();
    book.review_thresholds.insert(yen, 1_000_000);
    let terms = Draft { currency: Some("JPY".into()), ..simple() }.check(&book).unwrap();
    assert_eq!((terms.total.minor, terms.total.currency), (500, yen));
}

#[test]
fn decimals_are_those_of_the_currency_also_where_it_is_not_taken() {
    let dinars = Draft { currency: Some("BHD".into()), amount: major("1.234"), ..simple() };
    assert_eq!(faults(&dinars).len(), 1, "the amount is right");
    let yen = Draft { currency: Some("JPY".into()), amount: major("1.5"), ..simple() };
    assert_eq!(faults(&yen)[1], "/amount: has more decimals than JPY, which has 0 of them");
}

#[test]
fn the_window_is_a_second_to_thirty_days() {
    let with = |seconds| Draft { payment_window_seconds: Some(seconds), ..simple() };
    assert_eq!(placed(&with(1)).policies.payment_window_ms, 1_000);
    assert_eq!(placed(&with(MAX_WINDOW_SECONDS as i64)).policies.payment_window_ms, 2_592_000_000);
    for wrong in [0, -1, 2_592_001, i64::MIN] {
        one_fault(&with(wrong), "/payment_window_seconds: must be a whole number from 1 to 2592000");
    }
}

#[test]
fn every_fault_is_said_at_once() {
    let draft = Draft {
        amount: major("x"),
        currency: Some("???".into()),
        items: vec![DraftLine { quantity: 0, ..item("") }],
        adjustments: vec![adjustment("gift", major("1"))],
        external_id: Some("\n".into()),
        customer_id: Some(String::new()),
        payment_window_seconds: Some(0),
    };
    let pointers: Vec<_> =
        draft.check(&PolicyBook::default()).unwrap_err().into_iter().map(|f| f.pointer).collect();
    let expected = [
        "/currency",
        "/items/0/sku",
        "/items/0/quantity",
        "/adjustments/0/kind",
        "/amount",
        "/external_id",
        "/customer_id",
        "/payment_window_seconds",
    ];
    assert_eq!(pointers, expected);
}

#[test]
fn what_does_not_add_up_is_said_beside_other_faults_where_they_are_not_the_cause() {
    let draft = Draft { external_id: Some(String::new()), ..simple() };
    let pointers = |draft: &Draft| -> Vec<String> {
        draft.check(&PolicyBook::default()).unwrap_err().into_iter().map(|fault| fault.pointer).collect()
    };
    let unpaid = Draft { items: vec![item("")], amount: DraftAmount::default(), ..draft.clone() };
    assert_eq!(pointers(&unpaid), ["/items/0/sku", "/amount", "/external_id"]);
    let nothing = Draft { items: vec![], amount: DraftAmount::default(), ..simple() };
    assert_eq!(pointers(&nothing), ["/items", "/amount"]);
    let free = Draft { items: vec![item("")], amount: minor(0), ..draft };
    assert_eq!(pointers(&free), ["/items/0/sku", "/amount_minor", "/external_id"]);
    let unclear = Draft { items: vec![priced("", 1, "5")], amount: major("6"), ..simple() };
    assert_eq!(pointers(&unclear), ["/items/0/sku"], "the line may be what is too little");
    let wrong = Draft { items: vec![priced("a", 1, "x")], amount: DraftAmount::default(), ..simple() };
    assert_eq!(pointers(&wrong), ["/items/0/unit_price"], "it has a price, which is wrong");
}

#[test]
fn what_could_not_be_read_is_neither_judged_nor_a_cause() {
    let beside = |draft: &Draft, unread: &[&str]| -> Vec<String> {
        let unread: Vec<String> = unread.iter().map(|pointer| (*pointer).to_owned()).collect();
        let faults = draft.faults_beside(&PolicyBook::default(), &unread);
        faults.into_iter().map(|fault| fault.pointer).collect()
    };
    assert!(beside(&simple(), &["/external_id"]).is_empty());
    let bad = Draft { items: vec![item(""), item("")], external_id: Some(String::new()), ..simple() };
    assert_eq!(beside(&bad, &["/items/0/sku"]), ["/items/1/sku", "/external_id"]);
    assert_eq!(beside(&bad, &["/items/1"]), ["/items/0/sku", "/external_id"]);
    assert_eq!(beside(&bad, &["/item", "/items/10"]), ["/items/0/sku", "/items/1/sku", "/external_id"]);
    let sums = Draft { items: vec![priced("a", 1, "5")], ..simple() };
    assert_eq!(beside(&sums, &[]), ["/amount"]);
    assert!(beside(&sums, &["/items/0/quantity"]).is_empty(), "it may be what makes the sum");
}
