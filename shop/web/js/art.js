// Which picture stands for a store or a dish. The API has no pictures, so names decide; what is
// not recognised gets a plate.

const DISHES = [
  [/콜라|사이다|음료|주스|환타|제로|cola|coke|cider|soda|juice|drink/i, "drink"],
  [/맥주|생맥|소주|고량|beer|soju/i, "beer"],
  [/꼬치|skewer|kebab/i, "skewer"],
  [/새우|꿔바|바로우|탕수|만두|튀김|guobao|dumpling|shrimp/i, "crisp"],
  [/감자|프라이|치즈볼|치즈 볼|떡|샐러드|무 추가|치킨무|fries|potato|cheese/i, "side"],
  [/볶음밥|공기밥|주먹밥|덮밥|밥|rice/i, "rice"],
  [/샹궈|볶음|xiang|wok/i, "wok"],
  [/마라|훠궈|탕면|탕|찌개|국수|라면|우동|mala|hotpot|noodle|soup/i, "bowl"],
  [/(양념|매운|불|핫|간장|허니|spicy|yangnyeom|soy|honey).*|.*(반반|half)/i, "glazed"],
  [/치킨|후라이드|통닭|닭|순살|날개|윙|chicken|wing/i, "chicken"],
];

const TINTS = {
  bowl: "red",
  wok: "brown",
  crisp: "amber",
  side: "amber",
  rice: "green",
  drink: "blue",
  beer: "amber",
  glazed: "red",
  chicken: "amber",
  skewer: "amber",
  plate: "green",
};

/** The name of the picture for a dish. */
export function dishPicture(name, productId = "") {
  const found = DISHES.find(([pattern]) => pattern.test(`${name} ${productId}`));
  return found ? found[1] : "plate";
}

/** The picture for a store: chicken before the rest, as "양념" alone says nothing about a store. */
export function storePicture(store) {
  const text = `${store.name} ${store.storeId}`;
  return /치킨|통닭|닭|chicken/i.test(text) ? "chicken" : dishPicture(text);
}

/** The background that goes with a picture. */
export function tintOf(name) {
  return TINTS[name] ?? "green";
}
