/** `node~incarnation/thread`, as places name themselves: anything else is no address to make a carrier or a place for. */
export const placeIdPattern: RegExp = /^[A-Za-z0-9][\w.~-]{0,127}\/[a-z0-9]{1,16}$/;
