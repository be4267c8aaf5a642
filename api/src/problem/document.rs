//! The page that a problem's `type` leads to, and `docs/problems.md`: every code with its meaning and what to do.

use std::fmt::Write as _;

use super::catalogue::{ProblemCode, Repeat};

const HEAD: &str = "\
# Problems

<!-- Made from the code by a test: UPDATE_DOCS=1 cargo test -p api -->

A refused request is answered with `application/problem+json` (RFC 9457): `type`, `title`, `status`, `detail`, `code`,
`requestId`, for wrong fields `errors` (each with a `pointer` or `parameter`, a `detail` and a `code`), and the members
named below. `title` and `detail` are Korean or English by `Accept-Language` and may change; `code` is stable.

A repeat never does a thing twice. Whether it makes sense is said for each code:

- **pointless**: the same answer would come again; something has to change first.
- **later**: the same request may succeed later.
- **to find out**: it may have been accepted; repeat it unchanged, with the same `Idempotency-Key`, and read the answer.
";

/// The page, in Markdown.
pub(crate) fn document() -> String {
    let mut page = HEAD.to_owned();
    for code in ProblemCode::ALL {
        let info = code.info();
        let repeat = match info.repeat {
            Repeat::Pointless => "pointless",
            Repeat::Later => "later",
            Repeat::ToFindOut => "to find out",
        };
        // Writing to a String cannot fail.
        let _infallible = write!(
            page,
            "\n## {code}\n\n`{status}` {title} · {korean}\n\n{meaning}\n\n- What to do: {action}\n- A repeat: {repeat}.\n",
            code = code.word(),
            status = info.status.as_u16(),
            title = info.title.en,
            korean = info.title.ko,
            meaning = info.meaning,
            action = info.action,
        );
    }
    page
}
