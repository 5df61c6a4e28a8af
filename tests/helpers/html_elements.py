"""HTML as its elements and its text."""

from html.parser import HTMLParser

VOID = {"meta", "input", "link", "br", "hr", "img", "line", "wbr"}


class Page(HTMLParser):
    """Elements, ids, text and scripts of a page; a tag left open, or closed without being open, is a fault."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.faults, self.elements, self.texts, self.scripts = [], [], [], [], []
        self.feed(text)
        self.close()
        self.faults += [f"{tag} is left open" for tag in self.open]

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        self.faults += [f"{name} twice in {tag}" for name in names if names.count(name) > 1]
        self.elements.append((tag, dict(attributes)))
        self.scripts += [""] if tag == "script" else []
        self.open += [] if tag in VOID else [tag]

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> after {self.open[-3:]}")

    def handle_data(self, text):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += text
        elif self.open and self.open[-1] != "style":
            self.texts.append(text)

    def all(self, attribute):
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())
