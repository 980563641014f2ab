import { FILTER_FIELDS, type FilterField } from '#domain/filter/filter';
import { FIELD_RULES } from '#domain/filter/input';
import type { Hostile } from '#test/fuzz/hostile';

/** A filter whose every value is hostile; some are not even filters. Not typed: most are refused. */
export function hostileFilter(hostile: Hostile, depth = 3): unknown {
  const { random } = hostile;
  switch (random.below(depth > 0 ? 10 : 6)) {
    case 0:
      return { words: hostile.text() };
    case 1:
      return { eventTime: { from: hostile.date(), to: random.chance(0.5) ? hostile.date() : undefined } };
    case 6:
      return { and: several(hostile, () => hostileFilter(hostile, depth - 1)) };
    case 7:
      return { or: several(hostile, () => hostileFilter(hostile, depth - 1)) };
    case 8:
      return { not: hostileFilter(hostile, depth - 1) };
    case 9:
      return random.chance(0.2) ? deep(hostile) : parsed(hostile.json());
    default: {
      const field = random.pick<FilterField>(['eventName', ...FILTER_FIELDS]);
      const [operator = 'equals'] = random.chance(0.8)
        ? [FIELD_RULES[field].operators[random.below(FIELD_RULES[field].operators.length)]]
        : [random.pick(['prefix', 'cidr', 'exists', 'in', '$ne', '__proto__'])];
      return { [field]: { [operator]: conditionOf(hostile, operator) } };
    }
  }
}

function conditionOf(hostile: Hostile, operator: string): unknown {
  const { random } = hostile;
  if (random.chance(0.1)) return parsed(hostile.json());
  if (operator === 'exists') return random.chance(0.9) ? random.chance(0.5) : hostile.text();
  if (operator !== 'in') return hostile.text();
  return Array.from({ length: random.below(random.chance(0.1) ? 300 : 5) }, () => hostile.text());
}

function several(hostile: Hostile, make: () => unknown): unknown[] {
  return Array.from({ length: hostile.random.below(hostile.random.chance(0.1) ? 40 : 4) }, make);
}

function deep(hostile: Hostile): unknown {
  let filter: unknown = { words: hostile.text() };
  for (let level = 0; level < 14; level += 1) filter = { not: filter };
  return filter;
}

function parsed(json: string): unknown {
  return JSON.parse(json);
}
