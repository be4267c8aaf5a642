//! What carts cost, and why some cannot be ordered.

use super::*;
use crate::limits::{OPTION_GROUPS_MAX, PRICE_MAX};
use proptest::prelude::*;

fn id(text: &str) -> ProductId {
    ProductId::parse(text).unwrap()
}

fn won(amount: i64) -> Won {
    Won::new(amount).unwrap()
}

fn store() -> StoreTerms {
    StoreTerms {
        id: StoreId::parse("mara").unwrap(),
        name: "마라 공방".to_owned(),
        delivery_fee: won(3000),
        minimum_order: won(10_000),
        is_open: true,
    }
}

fn option(name: &str, price: i64) -> MenuOption {
    MenuOption {
        id: id(name),
        name: format!("option {name}"),
        price: won(price),
        is_available: true,
    }
}

/// A soup: its heat must be chosen, up to two toppings may be.
fn soup() -> MenuProduct {
    let group = |name: &str, min_choices, max_choices, options| OptionGroup {
        id: id(name),
        name: name.to_owned(),
        min_choices,
        max_choices,
        options,
    };
    MenuProduct {
        id: id("soup"),
        store_id: StoreId::parse("mara").unwrap(),
        name: "마라탕".to_owned(),
        price: won(9000),
        is_available: true,
        is_tax_free: false,
        groups: vec![
            group("heat", 1, 1, vec![option("mild", 0), option("hot", 500)]),
            group(
                "topping",
                0,
                2,
                vec![option("beef", 3000), option("tofu", 1000), option("noodle", 1500)],
            ),
        ],
    }
}

fn line(quantity: u32, options: &[&str]) -> CartLine {
    CartLine {
        product_id: id("soup"),
        quantity,
        options: options.iter().map(|name| id(name)).collect(),
    }
}

fn price(
    terms: &StoreTerms,
    product: &MenuProduct,
    lines: &[CartLine],
) -> Result<Quote, CartProblem> {
    price_cart(terms, |wanted| (*wanted == product.id).then_some(product), lines)
}

#[test]
fn a_line_costs_its_product_and_options_times_the_quantity() {
    let quote = price(&store(), &soup(), &[line(2, &["beef", "hot"]), line(1, &["mild"])]).unwrap();
    let amounts: Vec<i64> = quote.lines.iter().map(|line| line.amount.get()).collect();
    assert_eq!(amounts, [25_000, 9000]);
    assert_eq!(quote.lines[0].unit_price, won(9000));
    let options: Vec<&str> =
        quote.lines[0].options.iter().map(|option| option.id.as_str()).collect();
    assert_eq!(options, ["hot", "beef"], "options stand in the menu's order");
    assert_eq!(quote.items_amount, won(34_000));
    assert_eq!(quote.amount, won(37_000));
    assert_eq!(quote.order_name, "마라탕 외 1건");
}

#[test]
fn the_minimum_counts_the_items_without_the_delivery() {
    let problem = price(&store(), &soup(), &[line(1, &["hot"])]);
    let (minimum, items_amount) = (won(10_000), won(9500));
    assert_eq!(problem, Err(CartProblem::BelowMinimumOrder { minimum, items_amount }));
    assert!(price(&store(), &soup(), &[line(1, &["hot", "tofu"])]).is_ok());
}

#[test]
fn a_cart_must_have_a_bounded_number_of_lines_at_an_open_store() {
    assert_eq!(price(&store(), &soup(), &[]), Err(CartProblem::EmptyCart));
    let lines = vec![line(1, &["hot"]); 51];
    assert_eq!(
        price(&store(), &soup(), &lines),
        Err(CartProblem::TooManyLines { lines: 51, most: 50 })
    );
    assert!(price(&store(), &soup(), &lines[1..]).is_ok());
    let closed = StoreTerms { is_open: false, ..store() };
    let store_id = closed.id.clone();
    assert_eq!(
        price(&closed, &soup(), &[line(1, &[])]),
        Err(CartProblem::StoreClosed { store_id })
    );
}

#[test]
fn a_quantity_is_between_one_and_its_limit() {
    for quantity in [0, 100, u32::MAX] {
        assert_eq!(
            price(&store(), &soup(), &[line(1, &["hot"]), line(quantity, &["hot"])]),
            Err(CartProblem::QuantityOutOfRange {
                line: 1,
                product_id: id("soup"),
                quantity,
                most: 99
            })
        );
    }
    assert!(price(&store(), &soup(), &[line(99, &["hot"])]).is_ok());
}

#[test]
fn a_product_must_exist_belong_to_the_store_and_be_available() {
    let product_id = id("soup");
    assert_eq!(
        price_cart(&store(), |_| None, &[line(1, &[])]),
        Err(CartProblem::UnknownProduct { line: 0, product_id: product_id.clone() })
    );
    let store_id = StoreId::parse("other").unwrap();
    let foreign = MenuProduct { store_id: store_id.clone(), is_available: false, ..soup() };
    assert_eq!(
        price(&store(), &foreign, &[line(1, &[])]),
        Err(CartProblem::ForeignProduct { line: 0, product_id: product_id.clone(), store_id })
    );
    let sold_out = MenuProduct { is_available: false, ..soup() };
    assert_eq!(
        price(&store(), &sold_out, &[line(1, &["hot"])]),
        Err(CartProblem::UnavailableProduct { line: 0, product_id })
    );
}

#[test]
fn an_option_must_belong_to_the_product_be_available_and_be_chosen_once() {
    let problem =
        |product: &MenuProduct, options: &[&str]| price(&store(), product, &[line(1, options)]);
    let product_id = id("soup");
    let mut soup = soup();
    assert_eq!(
        problem(&soup, &["hot", "rice"]),
        Err(CartProblem::UnknownOption {
            line: 0,
            product_id: product_id.clone(),
            option_id: id("rice")
        })
    );
    assert_eq!(
        problem(&soup, &["hot", "beef", "beef"]),
        Err(CartProblem::DuplicateOption {
            line: 0,
            product_id: product_id.clone(),
            option_id: id("beef")
        })
    );
    assert_eq!(
        problem(&soup, &["hot"; 31]),
        Err(CartProblem::TooManyOptions {
            line: 0,
            product_id: product_id.clone(),
            chosen: 31,
            most: 30
        })
    );
    soup.groups[1].options[0].is_available = false;
    assert_eq!(
        problem(&soup, &["hot", "beef"]),
        Err(CartProblem::UnavailableOption { line: 0, product_id, option_id: id("beef") })
    );
}

#[test]
fn a_group_takes_as_many_choices_as_it_says() {
    let problem = |options: &[&str]| price(&store(), &soup(), &[line(1, options)]);
    let product_id = id("soup");
    let group_id = id("heat");
    assert_eq!(
        problem(&["beef"]),
        Err(CartProblem::TooFewChoices {
            line: 0,
            product_id: product_id.clone(),
            group_id: group_id.clone(),
            least: 1,
            chosen: 0
        })
    );
    assert_eq!(
        problem(&["mild", "hot"]),
        Err(CartProblem::TooManyChoices {
            line: 0,
            product_id: product_id.clone(),
            group_id,
            most: 1,
            chosen: 2
        })
    );
    let group_id = id("topping");
    assert_eq!(
        problem(&["hot", "beef", "tofu", "noodle"]),
        Err(CartProblem::TooManyChoices { line: 0, product_id, group_id, most: 2, chosen: 3 })
    );
}

#[test]
fn an_order_costs_what_toss_takes_at_least_and_our_limit_at_most() {
    let free = StoreTerms { delivery_fee: Won::ZERO, minimum_order: Won::ZERO, ..store() };
    let costs = |price: i64| MenuProduct { price: won(price), groups: vec![], ..soup() };
    let (least, amount) = (won(100), won(99));
    assert_eq!(
        price(&free, &costs(99), &[line(1, &[])]),
        Err(CartProblem::AmountTooSmall { least, amount })
    );
    assert!(price(&free, &costs(100), &[line(1, &[])]).is_ok());
    assert!(price(&free, &costs(PRICE_MAX), &[line(10, &[])]).is_ok());
    let too_large = Err(CartProblem::AmountTooLarge { most: won(100_000_000) });
    let one_won_more = StoreTerms { delivery_fee: won(1), ..free.clone() };
    assert_eq!(price(&one_won_more, &costs(PRICE_MAX), &[line(10, &[])]), too_large);
    assert_eq!(price(&free, &costs(Won::MAX.get()), &[line(99, &[])]), too_large);
    assert_eq!(price(&free, &costs(Won::MAX.get()), &[line(1, &[]), line(1, &[])]), too_large);
}

#[test]
fn a_menu_is_sound_when_its_names_prices_choices_and_ids_are() {
    let problem = |change: &dyn Fn(&mut MenuProduct)| {
        let mut product = soup();
        change(&mut product);
        check_product(&product)
    };
    assert_eq!(problem(&|_| {}), Ok(()));
    let sold_out = |soup: &mut MenuProduct| {
        soup.groups[0].options.iter_mut().for_each(|o| o.is_available = false)
    };
    assert_eq!(problem(&sold_out), Ok(()), "what is sold out may stay on the menu");
    let length = |id: &str| Err(CatalogueProblem::NameLength { id: id.to_owned(), most: 100 });
    assert_eq!(problem(&|soup| soup.name = " ".to_owned()), length("soup"));
    assert_eq!(problem(&|soup| soup.groups[0].name = "a".repeat(101)), length("heat"));
    assert_eq!(problem(&|soup| soup.groups[0].options[1].name = String::new()), length("hot"));
    let characters = Err(CatalogueProblem::NameCharacters { id: "soup".to_owned() });
    assert_eq!(problem(&|soup| soup.name = "a\tb".to_owned()), characters);
    let too_high = |name| Err(CatalogueProblem::PriceTooHigh { id: id(name), most: PRICE_MAX });
    assert_eq!(problem(&|soup| soup.price = won(PRICE_MAX + 1)), too_high("soup"));
    assert_eq!(
        problem(&|soup| soup.groups[1].options[0].price = won(PRICE_MAX + 1)),
        too_high("beef")
    );
    let choices = |least, most| {
        Err(CatalogueProblem::ChoicesOutOfRange { id: id("heat"), least, most, options: 2 })
    };
    assert_eq!(problem(&|soup| soup.groups[0].min_choices = 2), choices(2, 1));
    assert_eq!(problem(&|soup| soup.groups[0].max_choices = 3), choices(1, 3));
    let duplicate = |name| Err(CatalogueProblem::DuplicateId { id: id(name) });
    assert_eq!(problem(&|soup| soup.groups[1].id = id("heat")), duplicate("heat"));
    assert_eq!(problem(&|soup| soup.groups[1].options[0].id = id("hot")), duplicate("hot"));
}

#[test]
fn a_menu_has_a_bounded_number_of_groups_and_options() {
    let mut product = soup();
    let group = |name: String, options: usize| OptionGroup {
        id: id(&name),
        name: name.clone(),
        min_choices: 0,
        max_choices: 1,
        options: (0..options).map(|index| option(&format!("{name}-{index}"), 0)).collect(),
    };
    product.groups = (0..OPTION_GROUPS_MAX).map(|index| group(format!("g{index}"), 50)).collect();
    assert_eq!(check_product(&product), Ok(()));
    product.groups.push(group("one-more".to_owned(), 1));
    let too_many = CatalogueProblem::TooManyGroups { id: id("soup"), groups: 21, most: 20 };
    assert_eq!(check_product(&product), Err(too_many));
    product.groups = vec![group("g".to_owned(), 51)];
    let too_many = CatalogueProblem::TooManyOptions { id: id("g"), options: 51, most: 50 };
    assert_eq!(check_product(&product), Err(too_many));
}

#[test]
fn terms_are_sound_when_an_order_can_meet_them() {
    assert_eq!(check_store(&store()), Ok(()));
    let nameless = StoreTerms { name: String::new(), ..store() };
    let length = CatalogueProblem::NameLength { id: "mara".to_owned(), most: 100 };
    assert_eq!(check_store(&nameless), Err(length));
    let dear = StoreTerms { delivery_fee: won(PRICE_MAX + 1), ..store() };
    assert_eq!(check_store(&dear), Err(CatalogueProblem::DeliveryFeeTooHigh { most: PRICE_MAX }));
    let picky = StoreTerms { minimum_order: won(ORDER_AMOUNT_MAX + 1), ..store() };
    assert_eq!(
        check_store(&picky),
        Err(CatalogueProblem::MinimumOrderTooHigh { most: ORDER_AMOUNT_MAX })
    );
}

/// Mostly what things cost; sometimes far more than can be paid.
fn prices() -> impl Strategy<Value = i64> {
    prop_oneof![8 => 0..20_000i64, 1 => 0..=PRICE_MAX, 1 => 0..=Won::MAX.get()]
}

fn menus() -> impl Strategy<Value = MenuProduct> {
    let bounds = prop_oneof![4 => Just((0, 4)), 1 => (0..3u32, 0..4u32)];
    let group = (proptest::collection::vec(prices(), 0..4), bounds);
    let groups = proptest::collection::vec(group, 0..4);
    (prices(), groups, 0..30u8).prop_map(|(price, groups, luck)| MenuProduct {
        price: won(price),
        is_available: luck > 0,
        is_tax_free: luck % 3 == 0,
        groups: groups
            .into_iter()
            .enumerate()
            .map(|(group, (prices, (min_choices, max_choices)))| OptionGroup {
                id: id(&format!("g{group}")),
                name: "group".to_owned(),
                min_choices,
                max_choices,
                options: prices
                    .into_iter()
                    .enumerate()
                    .map(|(index, price)| option(&format!("o{group}{index}"), price))
                    .collect(),
            })
            .collect(),
        ..soup()
    })
}

/// A menu and a cart of it. Most options are on the menu and chosen once; some are neither.
fn menus_with_carts() -> impl Strategy<Value = (MenuProduct, Vec<CartLine>)> {
    let quantity = prop_oneof![9 => 1..=9u32, 1 => 0..=101u32];
    let line = (quantity, any::<u16>(), 0..60u8);
    (menus(), proptest::collection::vec(line, 0..6)).prop_map(|(product, lines)| {
        let offered: Vec<ProductId> = product
            .groups
            .iter()
            .flat_map(|group| &group.options)
            .map(|option| option.id.clone())
            .collect();
        let to_line = |(quantity, mask, luck): (u32, u16, u8)| {
            let is_chosen = |index: &usize| mask >> index & 1 == 1;
            let chosen = (0..offered.len()).filter(is_chosen).map(|index| offered[index].clone());
            let stray = match luck {
                0 => Some(id("stray")),
                1 => offered.first().cloned(),
                _ => None,
            };
            let product_id = id(if luck == 2 { "elsewhere" } else { "soup" });
            CartLine { product_id, quantity, options: chosen.chain(stray).collect() }
        };
        let lines = lines.into_iter().map(to_line).collect();
        (product, lines)
    })
}

/// Adds up in integers that cannot overflow here, without a look at how the quote is made.
fn naive_items(product: &MenuProduct, lines: &[CartLine]) -> i128 {
    let mut sum = 0;
    for line in lines {
        for _ in 0..line.quantity {
            sum += i128::from(product.price.get());
            for option in product.groups.iter().flat_map(|group| &group.options) {
                if line.options.contains(&option.id) {
                    sum += i128::from(option.price.get());
                }
            }
        }
    }
    sum
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_cart_costs_the_naive_sum_or_is_refused(
        (product, lines) in menus_with_carts(), fee in prices(), minimum in prices(),
    ) {
        let terms = StoreTerms { delivery_fee: won(fee), minimum_order: won(minimum), ..store() };
        let items = naive_items(&product, &lines);
        match price(&terms, &product, &lines) {
            Ok(quote) => {
                prop_assert_eq!(i128::from(quote.items_amount.get()), items);
                prop_assert_eq!(i128::from(quote.amount.get()), items + i128::from(fee));
                prop_assert!(quote.items_amount >= terms.minimum_order);
                prop_assert!((ORDER_AMOUNT_MIN..=ORDER_AMOUNT_MAX).contains(&quote.amount.get()));
                prop_assert_eq!(quote.lines.len(), lines.len());
                prop_assert!((1..=100).contains(&quote.order_name.chars().count()));
            }
            Err(CartProblem::AmountTooLarge { .. }) => {
                prop_assert!(items + i128::from(fee) > i128::from(ORDER_AMOUNT_MAX));
            }
            Err(CartProblem::BelowMinimumOrder { .. }) => prop_assert!(items < i128::from(minimum)),
            Err(CartProblem::AmountTooSmall { .. }) => {
                prop_assert!(items + i128::from(fee) < i128::from(ORDER_AMOUNT_MIN));
            }
            Err(_) => {}
        }
    }
}

#[test]
fn what_is_free_of_tax_is_the_sum_of_such_lines_with_their_options_and_without_delivery() {
    let vegetables = MenuProduct { is_tax_free: true, ..soup() };
    let taxed = MenuProduct { id: id("dish"), ..soup() };
    let line = |product: &MenuProduct, quantity, options: &[&str]| CartLine {
        product_id: product.id.clone(),
        quantity,
        options: options.iter().map(|option| id(option)).collect(),
    };
    let lines = [
        line(&vegetables, 2, &["hot", "beef"]),
        line(&taxed, 1, &["mild"]),
        line(&vegetables, 1, &["mild"]),
    ];
    let find = |wanted: &ProductId| [&vegetables, &taxed].into_iter().find(|it| it.id == *wanted);
    let quote = price_cart(&store(), find, &lines).unwrap();
    assert_eq!(quote.tax_free_amount, won(2 * 12_500 + 9_000));
    assert_eq!(quote.amount, won(2 * 12_500 + 9_000 + 9_000 + 3_000));
    assert_eq!(
        quote.lines.iter().map(|line| line.is_tax_free).collect::<Vec<_>>(),
        [true, false, true]
    );
}
