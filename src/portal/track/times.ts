/** Instants by the company's clock, which is that of the door, and not by the phone's, which may be on a journey. */

interface Range {
  start: string;
  end: string;
}

export interface Clock {
  time: (instant: string) => string;
  moment: (instant: string) => string;
  range: (range: Range) => string;
}

export function clockOf(timeZone: string): Clock {
  const times = new Intl.DateTimeFormat(undefined, { timeZone, hour: "2-digit", minute: "2-digit" });
  const days = new Intl.DateTimeFormat(undefined, { timeZone, weekday: "long", day: "numeric", month: "long" });
  const time = (instant: string) => times.format(new Date(instant));
  const day = (instant: string) => days.format(new Date(instant));
  const isToday = (instant: string) => day(instant) === day(new Date().toISOString());
  const moment = (instant: string) => (isToday(instant) ? `today, ${time(instant)}` : `${day(instant)}, ${time(instant)}`);
  return {
    time,
    moment,
    range: ({ start, end }) =>
      day(start) === day(end) ? `${moment(start)}–${time(end)}` : `${moment(start)} – ${moment(end)}`,
  };
}
