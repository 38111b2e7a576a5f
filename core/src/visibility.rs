//! STUB
use crate::fold::LaneState;
use crate::id::CourierNo;
/// x
pub fn loses_sight(_s: &LaneState, _me: &CourierNo) -> bool {
    false
}
