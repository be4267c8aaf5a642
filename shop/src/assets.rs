//! The files of the shop, compiled in, and the one document that loads them. Not here: headers and
//! routes.

use sha2::{Digest, Sha256};

/// The document of every page; `{{assets}}` and `{{preloads}}` are filled in by [`page`].
const PAGE: &str = include_str!("../web/page.html");

/// One file as it is served below `/shop/assets/{version}/`.
#[derive(Debug)]
pub(crate) struct Asset {
    pub(crate) name: &'static str,
    pub(crate) media_type: &'static str,
    pub(crate) body: &'static str,
}

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const STYLESHEET: &str = "text/css; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

macro_rules! asset {
    ($media_type:expr, $name:literal) => {
        Asset {
            name: $name,
            media_type: $media_type,
            body: include_str!(concat!("../web/", $name)),
        }
    };
}

/// Every file. They refer to one another by relative addresses.
pub(crate) const ASSETS: &[Asset] = &[
    asset!(PICTURE, "art.svg"),
    asset!(PICTURE, "seal.svg"),
    asset!(STYLESHEET, "css/base.css"),
    asset!(STYLESHEET, "css/first.css"),
    asset!(STYLESHEET, "css/form.css"),
    asset!(STYLESHEET, "css/frame.css"),
    asset!(STYLESHEET, "css/menu.css"),
    asset!(STYLESHEET, "css/order.css"),
    asset!(STYLESHEET, "css/parts.css"),
    asset!(STYLESHEET, "css/sheet.css"),
    asset!(STYLESHEET, "css/slip.css"),
    asset!(JAVASCRIPT, "js/api.js"),
    asset!(JAVASCRIPT, "js/art.js"),
    asset!(JAVASCRIPT, "js/cart.js"),
    asset!(JAVASCRIPT, "js/dialogs.js"),
    asset!(JAVASCRIPT, "js/dom.js"),
    asset!(JAVASCRIPT, "js/follow.js"),
    asset!(JAVASCRIPT, "js/format.js"),
    asset!(JAVASCRIPT, "js/main.js"),
    asset!(JAVASCRIPT, "js/memory.js"),
    asset!(JAVASCRIPT, "js/pages/checkout.js"),
    asset!(JAVASCRIPT, "js/pages/menu.js"),
    asset!(JAVASCRIPT, "js/pages/missing.js"),
    asset!(JAVASCRIPT, "js/pages/order.js"),
    asset!(JAVASCRIPT, "js/pages/orders.js"),
    asset!(JAVASCRIPT, "js/pages/stores.js"),
    asset!(JAVASCRIPT, "js/pay.js"),
    asset!(JAVASCRIPT, "js/receipt.js"),
    asset!(JAVASCRIPT, "js/slip.js"),
    asset!(JAVASCRIPT, "js/timeline.js"),
    asset!(JAVASCRIPT, "js/words.en.js"),
    asset!(JAVASCRIPT, "js/words.js"),
    asset!(JAVASCRIPT, "js/words.ko.js"),
];

/// Returns the file of this name, or `None`.
pub(crate) fn find_asset(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// Returns the hash over all files, as 16 hex digits.
///
/// One hash for all, in the folder of the address, lets the scripts import one another by relative
/// names without being rewritten.
pub(crate) fn version() -> String {
    let mut hasher = Sha256::new();
    for asset in ASSETS {
        hasher.update(asset.name);
        hasher.update([0]);
        hasher.update(asset.body);
        hasher.update([0]);
    }
    hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the document with the addresses of this version's files.
///
/// All scripts are announced at once, or the browser would find them one import at a time.
pub(crate) fn page(version: &str) -> String {
    let base = format!("/shop/assets/{version}");
    let preloads: Vec<String> = ASSETS
        .iter()
        .filter(|asset| asset.media_type == JAVASCRIPT)
        .map(|asset| format!("    <link rel=\"modulepreload\" href=\"{base}/{}\">", asset.name))
        .collect();
    PAGE.replace("    {{preloads}}", &preloads.join("\n")).replace("{{assets}}", &base)
}
