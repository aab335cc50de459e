/** The saved examples: tabs that GraphiQL opens with in a browser that has none of its own yet. */

export interface Example {
  query: string;
  variables?: Record<string, unknown>;
}

interface Tab {
  query: string;
  variables?: string;
}

/** Reads the list beside the page; without it GraphiQL opens with its own welcome text. */
export async function readExamples(): Promise<Tab[]> {
  const answer = await fetch(new URL(`${import.meta.env.BASE_URL}examples.json`, window.location.href));
  if (!answer.ok) {
    return [];
  }
  const examples = (await answer.json()) as Example[];
  return examples.map(({ query, variables }) => ({
    query,
    ...(variables === undefined ? {} : { variables: JSON.stringify(variables, null, 2) }),
  }));
}
