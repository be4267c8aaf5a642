//! Orders: making, reading, listing and closing them.

mod create;
mod list;
mod read;
mod timeline;

#[cfg(test)]
pub(crate) use create::OrderRequest;
pub(crate) use create::{__path_create_order, CreatedOrderView, create_order};
pub(crate) use list::{__path_list_orders, list_orders};
pub(crate) use read::{__path_close_order, __path_read_order, close_order, read_order, view};
pub(crate) use timeline::{__path_read_timeline, read_timeline};
