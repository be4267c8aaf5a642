//! The shop as a browser gets it: the router without a socket, and what must be true of every file
//! it serves. How the pages behave in a browser is not tested here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

const PAGES: [&str; 6] = [
    "/",
    "/shop/stores/mala",
    "/shop/stores/mala/checkout",
    "/shop/return?orderId=order-1",
    "/shop/orders",
    "/shop/orders/order-1",
];

fn router() -> Router {
    shop::router(shop::Settings::one_origin("http://127.0.0.1:8090".parse().unwrap()))
}

async fn send(router: Router, method: Method, path: &str) -> Response {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    router.oneshot(request).await.unwrap()
}

async fn get(path: &str) -> Response {
    send(router(), Method::GET, path).await
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

fn value<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// Every file below `web/` except the document, by its name in an address.
fn files() -> BTreeMap<String, String> {
    fn walk(folder: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("web");
    let mut found = BTreeMap::new();
    walk(&root, &root, &mut found);
    found.remove("page.html").unwrap();
    found
}

fn scripts() -> impl Iterator<Item = (String, String)> {
    files().into_iter().filter(|(name, _)| {
        name.ends_with(".js") && !["js/words.ko.js", "js/words.en.js"].contains(&name.as_str())
    })
}

/// The folder of this version's files, from the document.
async fn assets_base() -> String {
    let page = text(get("/").await).await;
    let start = page.find("/shop/assets/").unwrap();
    let rest = &page[start..];
    rest.split('/').take(4).collect::<Vec<_>>().join("/")
}

/// The texts in double quotes.
fn quoted(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

fn dictionary(language: &str) -> BTreeMap<String, String> {
    let name = format!("js/words.{language}.js");
    let body = files().remove(&name).unwrap();
    let lines = body.lines().filter(|line| line.starts_with("  \""));
    lines
        .map(|line| {
            let (key, value) = line.trim().trim_end_matches(',').split_once("\": \"").unwrap();
            (key[1..].to_owned(), value.trim_end_matches('"').to_owned())
        })
        .collect()
}

/// The names in braces.
fn placeholders(text: &str) -> BTreeSet<String> {
    text.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(n, _)| n.to_owned())
        .collect()
}

#[tokio::test]
async fn every_page_is_a_document_that_a_browser_asks_for_again() {
    for path in PAGES {
        let response = get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(value(&response, "content-type"), "text/html; charset=utf-8");
        assert_eq!(value(&response, "cache-control"), "no-cache");
    }
}

#[tokio::test]
async fn every_page_carries_the_headers_that_protect_it() {
    for path in PAGES.into_iter().chain(["/shop/nowhere"]) {
        let response = get(path).await;
        let policy = value(&response, "content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self' http://127.0.0.1:8090;"));
        assert!(policy.contains("style-src 'self';") && policy.contains("base-uri 'none'"));
        assert!(policy.contains("form-action 'self' http://127.0.0.1:8090;"));
        assert!(policy.ends_with("frame-ancestors 'none'") && !policy.contains("unsafe"));
        assert_eq!(value(&response, "x-content-type-options"), "nosniff");
        assert_eq!(value(&response, "referrer-policy"), "strict-origin-when-cross-origin");
        assert_eq!(value(&response, "cross-origin-opener-policy"), "same-origin-allow-popups");
    }
}

#[tokio::test]
async fn every_file_is_served_with_its_type_and_kept_for_a_year() {
    let base = assets_base().await;
    for (name, body) in files() {
        let response = get(&format!("{base}/{name}")).await;
        assert_eq!(response.status(), StatusCode::OK, "{name} is not in the list of assets");
        let expected = match name.rsplit('.').next().unwrap() {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            other => panic!("no type for .{other}"),
        };
        assert_eq!(value(&response, "content-type"), expected);
        assert_eq!(value(&response, "cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(value(&response, "x-content-type-options"), "nosniff");
        assert_eq!(text(response).await, body);
    }
}

#[tokio::test]
async fn the_document_loads_every_stylesheet_and_announces_every_script() {
    let base = assets_base().await;
    let page = text(get("/").await).await;
    assert!(!page.contains("{{"));
    for name in files().into_keys() {
        let tag = match name.rsplit('.').next().unwrap() {
            "css" => format!("<link rel=\"stylesheet\" href=\"{base}/{name}\">"),
            "js" => format!("<link rel=\"modulepreload\" href=\"{base}/{name}\">"),
            _ => continue,
        };
        assert!(page.contains(&tag), "{tag}");
    }
}

#[tokio::test]
async fn a_file_of_another_version_or_an_unknown_one_is_not_found_and_not_kept() {
    let base = assets_base().await;
    for path in [
        "/shop/assets/0000000000000000/js/main.js".to_owned(),
        format!("{base}/js/nothing.js"),
        format!("{base}/page.html"),
        format!("{base}/../Cargo.toml"),
    ] {
        let response = get(&path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(value(&response, "cache-control"), "no-store");
    }
}

#[tokio::test]
async fn an_unknown_address_below_shop_is_404_with_a_page_of_the_shop() {
    for path in ["/shop/nowhere", "/shop/orders/a/b", "/shop/stores/mala/other"] {
        let response = get(path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert!(text(response).await.contains("<main id=\"main\""));
    }
}

#[tokio::test]
async fn the_shop_alone_leads_to_the_first_page() {
    for path in ["/shop", "/shop/"] {
        let response = get(path).await;
        assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT);
        assert_eq!(response.headers()[header::LOCATION], "/");
    }
}

#[tokio::test]
async fn other_addresses_are_left_to_the_router_that_the_shop_is_merged_with() {
    let other = Router::new().fallback(|| async { (StatusCode::IM_A_TEAPOT, "theirs") });
    let merged = other.merge(router());
    for (path, expected) in [
        ("/v1/orders", StatusCode::IM_A_TEAPOT),
        ("/shopping", StatusCode::IM_A_TEAPOT),
        ("/shop/x", StatusCode::NOT_FOUND),
        ("/", StatusCode::OK),
    ] {
        assert_eq!(send(merged.clone(), Method::GET, path).await.status(), expected, "{path}");
    }
}

#[tokio::test]
async fn the_document_has_no_script_and_no_style_of_its_own() {
    let page = text(get("/").await).await;
    assert!(!page.contains("<style") && !page.contains("style=") && !page.contains("javascript:"));
    for tag in page.split("<script").skip(1) {
        let (attributes, rest) = tag.split_once('>').unwrap();
        assert!(attributes.contains(" src=\"") && rest.starts_with("</script>"), "{attributes}");
    }
    let handler = page.split_whitespace().find(|word| word.starts_with("on") && word.contains('='));
    assert_eq!(handler, None);
}

#[test]
fn no_script_turns_text_into_markup_or_code() {
    for (name, body) in files() {
        for banned in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "DOMParser",
            "srcdoc",
            "cssText",
            "\"style\"",
        ] {
            assert!(!body.contains(banned), "{name} uses {banned}");
        }
    }
}

#[test]
fn no_file_names_another_host() {
    for (name, body) in files() {
        let rest = body.replace("http://www.w3.org/2000/svg", "");
        assert!(!rest.contains("http://") && !rest.contains("https://"), "{name}");
        assert!(!rest.contains("\"//") && !rest.contains("url(//"), "{name}");
        assert!(!rest.contains("@import") && !rest.contains("@font-face"), "{name}");
    }
}

#[test]
fn every_import_names_a_file_that_is_served() {
    let files = files();
    let mut imports = 0;
    for (name, body) in scripts() {
        let folder = Path::new(&name).parent().unwrap();
        for target in
            quoted(&body).iter().filter(|text| text.starts_with('.') && text.ends_with(".js"))
        {
            let mut path = folder.to_path_buf();
            for part in target.split('/') {
                match part {
                    "." => {}
                    ".." => assert!(path.pop()),
                    part => path.push(part),
                }
            }
            assert!(files.contains_key(path.to_str().unwrap()), "{name} imports {target}");
            imports += 1;
        }
    }
    assert!(imports > 50, "the imports were not found: {imports}");
}

#[test]
fn every_picture_that_a_script_names_is_on_the_sheet() {
    let sheet = files().remove("art.svg").unwrap();
    let mut pictures = 0;
    for (name, body) in scripts() {
        for call in body.split("picture(\"").skip(1) {
            let (id, _) = call.split_once('"').unwrap();
            assert!(sheet.contains(&format!("<symbol id=\"{id}\"")), "{name} shows {id}");
            pictures += 1;
        }
    }
    assert!(pictures > 10, "the pictures were not found: {pictures}");
}

#[test]
fn both_languages_say_the_same_things_with_the_same_values() {
    let (korean, english) = (dictionary("ko"), dictionary("en"));
    assert!(korean.len() > 150);
    assert_eq!(korean.keys().collect::<Vec<_>>(), english.keys().collect::<Vec<_>>());
    for (key, text) in &korean {
        assert_eq!(placeholders(text), placeholders(&english[key]), "{key}");
        let may_be_empty = key == "demo.note";
        assert!(may_be_empty || (!text.is_empty() && !english[key].is_empty()), "{key} is empty");
    }
}

#[test]
fn no_korean_is_left_in_the_english_texts() {
    for (key, text) in dictionary("en") {
        let hangul = text.chars().find(|c| ('가'..='힣').contains(c));
        assert_eq!(hangul, None, "{key}: {text}");
    }
}

#[test]
fn every_text_that_a_script_asks_for_exists_and_none_is_left_over() {
    let dictionary = dictionary("ko");
    let sections: BTreeSet<&str> = dictionary
        .keys()
        .filter_map(|key| key.split_once('.'))
        .map(|(section, _)| section)
        .collect();
    let mut used = BTreeSet::new();
    for (name, body) in scripts() {
        for text in quoted(&body) {
            let is_key = text.split_once('.').is_some_and(|(section, rest)| {
                sections.contains(section) && rest.chars().all(|c| c.is_alphanumeric() || c == '_')
            });
            if is_key {
                assert!(dictionary.contains_key(&text), "{name} asks for {text}");
            }
            used.insert(text);
        }
        for (before, call) in body.split("t(\"").zip(body.split("t(\"").skip(1)) {
            let is_t = !before.ends_with(|c: char| c.is_alphanumeric() || c == '.');
            let (key, _) = call.split_once('"').unwrap();
            assert!(!is_t || dictionary.contains_key(key), "{name} asks for {key}");
        }
    }
    let unused: Vec<_> = dictionary.keys().filter(|key| !used.contains(*key)).collect();
    assert!(unused.is_empty(), "nobody asks for {unused:?}");
}
