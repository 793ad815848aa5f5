"""A small project of its own: the plan's tests need no shop."""

from pathlib import Path

import pytest

PLAN = """\
name: library
root: .
origin: library
hosts:
  library:
    settings: library.settings
domains:
  lending:
    app: lending
    contract: promises.lending
    tables: [lending_loan]
    routes:
      /api/loans: { GET: user, POST: user }
      /api/loans/{loan}: { DELETE: user }
  books:
    app: books
    contract: promises.books
    tables: [books_book, books_book_authors, books_author]
    routes:
      /api/books: { GET: public }
      /api/books/{book}: { GET: public, PATCH: staff }
gateway:
  since: 1
  internal: [/internal/**]
stages:
  - number: 0
    name: start
    summary: All in one.
    built: true
  - number: 1
    name: edge
    summary: A gateway in front.
    built: true
    introduces: [gateway.yml]
    services: [proxy]
  - number: 2
    name: books
    summary: Books move.
    moves: [books]
"""

FILES = {
    "plan.yaml": PLAN,
    "0-start/README.md": "start",
    "1-edge/README.md": "edge",
    "gateway.yml": "entryPoints: {}",
    "docker-compose.yml": "services: { web: {}, proxy: {} }",
    "promises/__init__.py": "",
    "promises/lending.py": "",
    "promises/books.py": "",
    "library/__init__.py": "",
    "library/settings.py": """
SECRET_KEY = "only a test"
INSTALLED_APPS = ["lending", "books"]
ROOT_URLCONF = "library.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
""",
    "library/urls.py": """
from django.urls import include, path
urlpatterns = [path("api/", include("lending.urls")), path("api/", include("books.urls"))]
""",
    "lending/__init__.py": "",
    "lending/models.py": """
from django.db import models

class Loan(models.Model):
    book_id = models.BigIntegerField()
""",
    "lending/views.py": """
from django.views import View

class Loans(View):
    def get(self, request): ...
    def post(self, request): ...

class OneLoan(View):
    def delete(self, request, loan): ...
""",
    "lending/urls.py": """
from django.urls import path
from lending import views
urlpatterns = [path("loans", views.Loans.as_view()), path("loans/<int:loan>", views.OneLoan.as_view())]
""",
    "books/__init__.py": "",
    "books/models.py": """
from django.db import models

class Author(models.Model):
    name = models.TextField()

class Book(models.Model):
    authors = models.ManyToManyField(Author)
""",
    "books/views.py": """
from django.views import View

class Books(View):
    def get(self, request): ...

class OneBook(View):
    def get(self, request, book): ...
    def patch(self, request, book): ...
""",
    "books/urls.py": """
from django.urls import path
from books import views
urlpatterns = [path("books", views.Books.as_view()), path("books/<int:book>", views.OneBook.as_view())]
""",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder of a correct project whose plan.yaml says what its code says."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path
