// The order of a ranking, apart from any page: lists of codes in, new lists out. Places count from 1, as people say them.

export const added = (order, code) => (order.includes(code) ? order : [...order, code]);

export const removed = (order, code) => order.filter((other) => other !== code);

// The order with this choice at this place; the others keep theirs among themselves. A place beyond an end is that end.
export function placed(order, code, place) {
  const others = removed(order, code);
  if (others.length === order.length) return order;
  const index = Math.min(Math.max(place, 1), order.length) - 1;
  return [...others.slice(0, index), code, ...others.slice(index)];
}

// What somebody typed as a place: a whole number from 1 to `count`, or null.
export function readPlace(text, count) {
  const typed = text.trim();
  if (!/^\d{1,4}$/.test(typed)) return null;
  const place = Number(typed);
  return place >= 1 && place <= count ? place : null;
}

// The place of what is dragged to height `y`: below every other row whose middle was passed.
export const placeAt = (y, middles) => middles.filter((middle) => middle < y).length + 1;
