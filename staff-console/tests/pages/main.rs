//! The console's pages as a browser gets them: through the layers of the API, on a database of their own.

mod acting;
mod app;
mod bounds;
mod forgery;
mod markup;
mod matrix;
mod records;
mod sign_in;
