"""Nouns and predicates of the languages in which mail systems tell why (app/bounces/sentences.py)."""

from app.bounces.phrases import phrases
from app.bounces.sentences import Language, Sentences

# A time that ends, in any of these languages.
FOR_NOW = phrases(
    """
    temporar%
    vorubergehend%
    zeitweise
    zeitweilig
    momentan
    momentanement
    temporairement
    provisoirement
    temporalmente
    provisionalmente
    provisoriamente
    temporaneamente
    momentaneamente
    momentaneamente
    tijdelijk
    tillfalligt
    midlertidig%
    valiaikaisesti
    tilapaisesti
    tymczasowo
    chwilowo
    docasne
    ideiglenesen
    atmenetileg
    privremeno
    zacasno
    laikinai
    gecici%
    προσωρινα
    временно
    тимчасово
    一時
    暂时
    暫時
    临时
    臨時
    일시
    임시
    tam thoi
    sementara
    ชั่วคราว
    مؤقت%
    זמנית
    موقت%
    """
)

SENTENCES = Sentences(
    {
        # Most of English stands in the tables of phrases; these are said in too many ways. No "unknown", "closed" or
        # "removed" alone: errors are unknown, connections closed and messages removed more often than people.
        "en": Language(
            recipient=(
                "recipient%, user%, mailbox%, mail box, address%, e mail address%, email address%, account%, person, "
                "employee, subscriber%, addressee%, alias, inbox, member, individual"
            ),
            sender=(
                "sender%, sending%, from, originator, author, return path, your address, your email, your e mail, "
                "your account, your domain, your user, your email address, your e mail address, mail from, envelope%"
            ),
            domain="domain%",
            server="",
            message="message%, mail, mails, e mail, email, letter, list%",
            unknown=(
                "not found, cannot be found, can not be found, can t be found, couldn t be found, could not be found, "
                "wasn t found, was not found, isn t found, does not exist, doesn t exist, do not exist, don t exist, "
                "not exist, no longer exist%, is not known, isn t known, are not known, not known here, "
                "not recognised, not recognized, isn t a known, is not a known, is not on this server, "
                "isn t on this server, is no longer here, no longer with the company, not available here"
            ),
            full=(
                "is full, are full, was full, has no space, has no more space, no room, no capacity, no space left, "
                "over its limit%, over his limit%, over her limit%, over their limit%, is used up, has reached its%, "
                "has exhausted its%, capacity"
            ),
            closed=(
                "retired, obsolete, discontinued, deactivated, abandoned, decommissioned, no longer active, "
                "no longer in use, no longer used, no longer valid"
            ),
            locked="",
            unless=(
                "if, whether, may, might, maybe, perhaps, possibly, either, could be, could have, unless, until, should"
            ),
            many="too many, excessive, lots of",
            thing=(
                "server%, host%, hostname%, dns, mx, ptr, record%, file%, page%, director%, command%, program%, "
                "mailer%, route%, error%, reason%, cause%, certificate%, key%, signature%, connection%, relay%, "
                "transport%, queue%, network%, ip, ip address%, database%, store, policy, url%, link%, helo, "
                "ehlo, name server%, header%, attachment%, disk%, partition, filesystem, spool, system%, "
                "session%, channel, transaction%, password%, selector, template, feature%, function%, protocol%, "
                "extension%, option%, service%, client%, mx record%, zone, request%, resource%, body, domain "
                "controller, group policy"
            ),
            outweighs=False,
        ),
        "de": Language(
            recipient=(
                "empfanger%, benutzer%, adressat%, adresse, e mail adresse, mailadresse, postfach%, mailbox, "
                "konto, e mail konto, account, user, teilnehmer, briefkasten"
            ),
            sender=(
                "absendende%, sendende%, ihr konto, ihr account, ihr postfach, ihre adresse, "
                "ihre e mail adresse, ihre mailadresse, ihr benutzer%, absender%, senderadresse, sender"
            ),
            domain=(
                "domain, domane, domainname%, host, domain des empfangers, empfangerdomain, empfangerdomane, "
                "domane des empfangers"
            ),
            server=(
                "ip adresse, ip, server%, rechner, server des empfangers, mailserver des empfangers, server des domains"
            ),
            message="nachricht%, mail, mails, e mail, datei%, anhang%, list%",
            unknown=(
                "ungultig%, nicht gultig, nicht mehr gultig, nicht ermittelbar, nicht mehr in betrieb, "
                "unbekannt%, nicht gefunden, existiert nicht, existieren nicht, nicht vorhanden, "
                "gibt es nicht, nicht bekannt, existiert hier nicht, nicht existent, existiert leider nicht, "
                "nicht mehr vorhanden, existiert nicht mehr, nicht verzeichnet, nicht aufgefuhrt, "
                "existiert auf diesem server nicht, existiert auf dem server nicht, existiert auf unserem server nicht"
            ),
            full=(
                "ist voll, voll, uberfullt, ist derzeit voll, hat ihre grossenbeschrankung, "
                "kapazitat erschopft, speicherplatz erschopft, kontingent uberschritten, "
                "quota uberschritten, speicherplatz uberschritten"
            ),
            closed=(
                "deaktiviert, geloscht, geschlossen, gekundigt, abgemeldet, stillgelegt, inaktiv, "
                "nicht mehr aktiv, abgeschaltet"
            ),
            locked="gesperrt, vorubergehend deaktiviert, derzeit deaktiviert, blockiert",
            unless="falls, wenn, ob, moglicherweise, eventuell, sofern",
            many="zu viele, viele, mehrere",
            big="zu gross, zu gros, uberschreitet die maximal%, uberschreitet die zulassig%, zu umfangreich",
            on="auf, in, bei, beim, im, am",
            this="diesem, dieser, dem, der, unserem, unserer, ihrem, seinem, einem",
        ),
        "fr": Language(
            recipient=(
                "destinataire%, utilisateur%, adresse, adresse e mail, boite, boite aux lettres, boite mail, "
                "bal, compte, messagerie, abonne, correspondant"
            ),
            sender=(
                "adresse d origine, votre compte, votre adresse, votre boite, votre adresse e mail, "
                "expediteur%, emetteur%, envoyeur"
            ),
            domain="domaine, domaine du destinataire, domaine de l adresse",
            server="adresse ip, ip, serveur%, hote, serveur du destinataire",
            message="message%, mail, courriel, fichier%, piece%",
            unknown=(
                "inconnu%, inexistant%, plus en service, hors service, n est plus utilisee, inconnu, "
                "inconnue, inconnus, introuvable, n existe pas, n existe plus, n existent pas, inexistant, "
                "inexistante, n a pas ete trouve, n a pas ete trouvee, ne figure pas, pas trouve, "
                "pas trouvee, n est pas connu, n est pas connue, est invalide, n est plus valide, "
                "n est pas valide"
            ),
            full="pleine, plein, saturee, est sature, quota depasse, a depasse son quota, a atteint sa limite",
            closed=(
                "desactive, desactivee, supprime, supprimee, ferme, fermee, resilie, resiliee, cloture, "
                "cloturee, n est plus actif, n est plus active, inactif, inactive, archive, archivee"
            ),
            locked="suspendu, suspendue, bloque, bloquee, verrouille, verrouillee, temporairement desactive",
            unless="si, peut etre, eventuellement",
            many="trop de, nombreux",
            big="trop volumineux, trop importante, trop grand, trop gros, trop volumineuse, depasse la taille",
            on="sur, dans, chez",
            this="ce, cet, cette, le, la, notre, nos, les, votre, l",
        ),
        "es": Language(
            recipient=(
                "destinatario%, usuario%, direccion, direccion de correo, buzon%, casilla, cuenta, cuenta de correo"
            ),
            sender=(
                "direccion de origen, origen, su cuenta, su direccion, su buzon, tu cuenta, tu direccion, "
                "remitente%, emisor"
            ),
            domain="dominio, dominio del destinatario, dominio de la direccion",
            server="direccion ip, ip, servidor%, servidor del destinatario, servidor de destino",
            message="mensaje%, archivo%",
            unknown=(
                "desconocid%, inexistente%, no valido, no valida, invalido, invalida, no ha sido encontrado, "
                "ya no existe, desconocido, desconocida, no existe, no existen, no encontrado, "
                "no encontrada, inexistente, no se encuentra, no se encontro, no se ha encontrado, "
                "no fue encontrado, no es valida, no es valido, no se ha podido encontrar, no figura"
            ),
            full=(
                "lleno, llena, esta lleno, esta llena, excedido su cuota, ha superado su cuota, sin espacio, "
                "cuota excedida, supero su cuota, excede su cuota"
            ),
            closed=(
                "desactivado, desactivada, cancelado, cancelada, eliminado, eliminada, cerrado, cerrada, "
                "deshabilitado, deshabilitada, inactivo, inactiva, dado de baja, dada de baja, inhabilitado, "
                "inhabilitada"
            ),
            locked="suspendido, suspendida, bloqueado, bloqueada",
            unless="si, quiza, quizas, tal vez, posiblemente",
            many="demasiados, demasiadas, muchos",
            big="demasiado grande, supera el tamano, excede el tamano, excede el limite de tamano",
            on="en",
            this="este, el, ese, nuestro, su, los, estos, nuestros",
        ),
        "pt": Language(
            recipient=(
                "destinatario%, usuario%, utilizador%, endereco, endereco de email, endereco de e mail, "
                "caixa postal, caixa de correio, caixa de entrada, caixa, conta, conta de e mail, "
                "conta de email"
            ),
            sender=("endereco de origem, origem, sua conta, seu endereco, sua caixa postal, seu usuario, remetente%"),
            domain="dominio, dominio do destinatario, dominio do endereco",
            server="endereco ip, ip, servidor%, servidor do destinatario, servidor de destino",
            message="mensagem, mensagens, arquivo%, anexo",
            unknown=(
                "desconhecid%, inexistente%, nao valido, nao existente, nao mais existe, desconhecido, "
                "desconhecida, nao existe, nao existem, inexistente, nao encontrado, nao encontrada, "
                "nao foi encontrado, nao foi encontrada, nao pode ser encontrado, nao pode ser encontrada, "
                "nao cadastrado, nao foi localizado, nao localizado, invalido, nao e valido, "
                "nao pode ser localizado"
            ),
            full=(
                "cheia, lotada, esta cheia, esta lotada, excedeu o limite, excedeu a quota, excedeu a cota, "
                "sem espaco, quota excedida, cota excedida, ultrapassou o limite"
            ),
            closed=(
                "desativado, desativada, cancelado, cancelada, excluido, excluida, encerrado, encerrada, "
                "inativo, inativa, desabilitado, desabilitada, removida, removido"
            ),
            locked="suspenso, suspensa, bloqueado, bloqueada",
            unless="se, caso, talvez, possivelmente",
            many="muitos, demasiados, muitas",
            big=("muito grande, grande demais, excede o tamanho, excede o limite de tamanho, ultrapassa o tamanho"),
            on="em, no, neste, nesse, nos, num",
            this="este, o, nosso, nossos, seu, meu",
        ),
        "it": Language(
            recipient="destinatario%, utente%, indirizzo%, casella%, cassetta, account, mailbox",
            sender=(
                "indirizzo di origine, il tuo account, il suo account, il vostro account, il tuo indirizzo, "
                "il vostro indirizzo, la tua casella, mittente%"
            ),
            domain="dominio, dominio del destinatario, dominio dell indirizzo",
            server="indirizzo ip, ip, server, server del destinatario",
            message="messaggio, messaggi, file, allegato",
            unknown=(
                "sconosciut%, inesistent%, non valida, non attivo su, sconosciuto, sconosciuta, inesistente, "
                "non esiste, non esistono, non trovato, non trovata, non e stato trovato, "
                "non e stata trovata, non valido, non e valido, non esistente"
            ),
            full=(
                "piena, e piena, pieno, ha superato la quota, quota superata, ha superato lo spazio, spazio esaurito"
            ),
            closed=(
                "disattivato, disattivata, disabilitato, disabilitata, cancellato, cancellata, chiuso, "
                "chiusa, cessato, cessata, inattivo, inattiva, non attivo, non attiva, non e attivo, "
                "non e piu attivo, non e piu attiva"
            ),
            locked="sospeso, sospesa, bloccato, bloccata",
            unless="se, forse, eventualmente",
            many="troppi, molti, numerosi",
            big="troppo grande, supera la dimensione, supera le dimensioni, eccede la dimensione",
            none="non e presente",
            on="su, sul, in, nel, nello, presso",
            this="questo, questi, il, nostro, suo",
        ),
        "nl": Language(
            recipient=(
                "ontvanger%, gebruiker%, adres, e mailadres, mailadres, postvak, postbus, mailbox, account, "
                "e mailaccount, geadresseerde%"
            ),
            sender="uw account, uw adres, uw e mailadres, je account, afzender%, verzender%",
            domain="domein, domeinnaam, domein van de ontvanger, domein van het adres",
            server="ip adres, ip, server%, server van de ontvanger",
            message="bericht%, bestand%, bijlage",
            unknown=(
                "niet geldig, ongeldig, ongeldige, onbekend, onbekende, bestaat niet, bestaan niet, "
                "niet gevonden, kan niet worden gevonden, bestaat niet meer, niet bekend, is ongeldig"
            ),
            full="vol, is vol, zit vol, quotum overschreden, limiet overschreden",
            closed=(
                "gedeactiveerd, uitgeschakeld, verwijderd, opgeheven, gesloten, opgezegd, niet meer actief, "
                "inactief, niet actief"
            ),
            locked="geblokkeerd, opgeschort, vergrendeld",
            unless="als, indien, mogelijk, wellicht, of",
            many="te veel",
            big="te groot, overschrijdt de maximale",
            none="niet aanwezig",
            on="op, in, bij",
            this="deze, dit, de, het, onze, ons, uw",
        ),
        "scandinavian": Language(
            recipient=(
                "mottagare%, mottaker%, modtager%, anvandare%, bruker%, adress, adressen, adresse, adressa, "
                "e postadress%, e postadresse%, mailadresse%, postlada%, postboks%, postkasse%, brevlada%, "
                "konto, kontot, kontoen, e postkonto%, mailkonto%, brevpostkasse%, innboks%"
            ),
            sender=(
                "ditt konto, din adress, din adresse, din konto, din e postadress, avsandare%, avsender%, afsender%"
            ),
            domain=(
                "doman, domanen, domene, domenet, domæne, domænet, mottagarens doman, mottakerens domene, "
                "modtagerens domæne"
            ),
            server=("ip adress, ip adresse, ip, server%, mottagarens server, mottakerens server, modtagerens server"),
            message="meddelande%, melding%, meddelelse%, fil, filen, vedlegg, bilaga",
            unknown=(
                "ogiltig, ogiltigt, ugyldig, finnes ikkje, er ukjent, er ukendt, okand, okant, okanda, "
                "ukjent, ukendt, ukendte, finns inte, finnes ikke, findes ikke, hittades inte, "
                "eksisterer ikke, blev ikke fundet, ble ikke funnet, kunde inte hittas, kunne ikke findes, "
                "existerar inte, ikke fundet, ikke funnet, eksisterer ikkje, finst ikkje, er ikke gyldig, "
                "blir ikke funnet"
            ),
            full=(
                "full, fuld, fullt, ar full, er full, er fuld, er fyldt, fyldt, overskredet, overskriden, "
                "har natt sin grans%"
            ),
            closed=(
                "inaktiverat, inaktiverad, avaktiverat, avaktiverad, avslutat, avslutad, deaktivert, "
                "deaktiveret, slettet, nedlagt, stangt, stangd, lukket, inaktiv, inaktivt, opsagt, "
                "avregistrert, borttaget, borttagen"
            ),
            locked=("sparrat, sparrad, sperret, spærret, suspendert, suspenderet, last, blokkert, blokeret, blockerat"),
            unless="om, hvis, kanskje, maske, eventuelt",
            many="for manga, for mange, manga",
            big="for stort, for stor, for stora, overskrider",
            on="pa, i, hos",
            this="denna, denne, dette, detta, var, vår, den, det",
        ),
        "fi": Language(
            recipient=(
                "vastaanottaja%, kayttaja%, osoite%, osoitet%, sahkopostiosoite%, postilaatik%, sahkopostitili%, tili"
            ),
            sender="lahettaja%",
            domain="verkkotunnus%, toimialue%",
            server="ip osoite, ip, palvelin%",
            message="viesti%, liite",
            unknown=(
                "virheellinen, ei kelpaa, tuntematon, tuntemattomia, ei ole olemassa, ei loydy, ei loytynyt, "
                "ei loydetty, ei ole kaytossa"
            ),
            full="on taynna, taynna, kiintio ylittynyt",
            closed="suljettu, poistettu, lakkautettu, ei ole aktiivinen, on passivoitu",
            locked="lukittu, jaadytetty",
            unless="jos, mahdollisesti, ehka",
            many="liian monta, liikaa",
            big="liian suuri, ylittaa",
            none="ei ole",
        ),
        "pl": Language(
            recipient=(
                "odbiorc%, uzytkownik%, adres, adresu, adresat%, adres e mail, skrzynk%, konto, konta, konto e mail"
            ),
            sender="adres zwrotny, twoje konto, twoj adres, panstwa konto, pana konto, nadawc%, nadawca",
            domain="domena, domeny, domena odbiorcy, domeny odbiorcy",
            server="server odbiorcy, adres ip, ip, serwer%, serwer odbiorcy, serwera odbiorcy",
            message="wiadomosc%, plik%, zalacznik%, załacznik%",
            unknown=(
                "nieznan%, nie ma takiego, nie ma takiej, błędny, bledny, niepoprawny, nieistniejac%, "
                "nieznany, nieznana, nieznane, nie istnieje, nie istnieja, nie znaleziono, "
                "nie został znaleziony, nie zostal znaleziony, nie odnaleziono, nieprawidłowy, "
                "nieprawidlowy, nie mozna odnalezc"
            ),
            full=(
                "jest pełna, jest pelna, pełna, pelna, przepełniona, przepelniona, jest przepełniona, "
                "jest przepelniona, przekroczył limit, przekroczyl limit, przekroczyła limit, "
                "przekroczyla limit, zapełniona, zapelniona"
            ),
            closed=(
                "nieaktywne, nieaktywna, usuniete, usunieta, usuniety, zamkniete, zamknieta, skasowane, "
                "skasowana, wyłączone, wylaczone, wyłączona, wylaczona, dezaktywowane, zlikwidowane, "
                "zostało usuniete"
            ),
            locked="zablokowane, zablokowana, zawieszone, zawieszona",
            unless="jesli, jezeli, byc moze, czy",
            many="zbyt wiele, zbyt wielu, za duzo",
            big="za duza, zbyt duza, za duży, przekracza dopuszczaln%, przekracza maksymaln%, zbyt duzy",
            on="na, w",
            this="tym, tej, naszym, naszej, tych",
        ),
        "czech": Language(
            recipient=(
                "prijemc%, prijemce, adresat%, uzivatel%, pouzivatel%, adresa, adresu, e mailova adresa, "
                "schrank%, ucet, ucet elektronicke posty, konto"
            ),
            sender="vas ucet, vase adresa, vase schranka, odesilatel%, odosielatel%",
            domain="domena, domeny, domena prijemce, domena prijimatele",
            server="ip adresa, ip, server%, server prijemce, server prijimatele",
            message="zprava, zpravu, sprava, spravu, soubor, subor, priloha",
            unknown=(
                "neznam%, neplatna, neplatny, neexistujic%, neznamy, neznama, neexistuje, neexistuji, "
                "nenalezen, nenalezena, nebyl nalezen, nebyla nalezena, nenajdeny, nenajdena, nebol najdeny, "
                "nebola najdena, sa nenasla, sa nenasiel, se nepodarilo najit, sa nepodarilo najst, "
                "neni znama, nebylo mozne najit"
            ),
            full=("je plna, plna, je preplnena, preplnena, prekrocila limit, prekrocena kvota, zaplnena, je zaplnena"),
            closed=(
                "zrusen, zrusena, zruseny, deaktivovan, deaktivovana, deaktivovany, smazan, smazana, "
                "vymazana, neaktivni, neaktivna, neaktivny, uzavrena, uzavren, zrusene"
            ),
            locked="zablokovan, zablokovana, zablokovany, pozastaven, pozastavena",
            unless="pokud, ak, mozna, mozno, zda, ci",
            many="prilis mnoho, privela",
            big="prilis velka, je moc velka, prekracuje maximaln%, prekracuje povolen%, prilis velky",
        ),
        "hu": Language(
            recipient="cimzett%, felhasznalo%, cim, cimet, e mail cim%, postafiok%, postalada%, fiok, fiokot",
            sender="az on fiokja, on cime, felado%, kuldo%",
            domain="tartomany%, domain",
            server="ip cim, kiszolgalo%, szerver%",
            message="uzenet%, level, levelet, fajl",
            unknown=(
                "nem talalhato meg, ervenytelen, nem szerepel, ismeretlen, nem letezik, nem talalhato, "
                "nincs ilyen, nem letezo, nem talaltuk"
            ),
            full="megtelt, tele van, betelt, tullepte a kvotat, tullepte",
            closed="megszunt, torolt, torolve, inaktiv, letiltva, lezarva, megszuntetett, megszuntettek",
            locked="zarolva, zarolt, felfuggesztve, felfuggesztett",
            unless="ha, esetleg, talan",
            many="tul sok",
            big="tul nagy, meghaladja",
        ),
        "ro": Language(
            recipient=(
                "destinatar%, utilizator%, adresa, adresa de e mail, adresa de email, casuta, "
                "casuta postala, cutia postala, cutia postala a destinatarului, contul, cont"
            ),
            sender="expeditor%",
            domain="domeniul, domeniu",
            server="adresa ip, server%",
            message="mesaj%, fisier%",
            unknown=(
                "necunoscut, necunoscuta, nu exista, inexistent, inexistenta, nu a fost gasit, "
                "nu a fost gasita, negasit, nu poate fi gasit, nu poate fi gasita, nu este valida"
            ),
            full="este plina, plina, este plin, a depasit cota, depasita, a depasit limita",
            closed=(
                "dezactivat, dezactivata, sters, stearsa, inchis, inchisa, inactiv, inactiva, desfiintat, desfiintata"
            ),
            locked="suspendat, suspendata, blocat, blocata",
            unless="daca, posibil, poate ca",
            many="prea multi, prea multe",
            big="prea mare, depaseste dimensiunea",
        ),
        "southslavic": Language(
            recipient=(
                "primatelj%, primalac, primaoc%, primaoca, prejemnik%, korisnik%, uporabnik%, adresa, "
                "naslov, e naslov, postanski sanducic, postanski pretinac, sanducic, pretinac, nabiralnik, "
                "postni predal, predal, racun, nalog"
            ),
            sender="posiljatelj%, posiljalac, posiljaoc%",
            domain="domena, domen",
            server="ip adresa, posluzitelj%, server, streznik",
            message="poruka, poruku, sporocilo",
            unknown=(
                "nepoznat, nepoznata, neznan, ne postoji, ne obstaja, nije pronadena, nije pronađena, "
                "nije pronadjen, nije pronadeno, nije pronađen, ni mogoce najti, ni bilo mogoce najti, "
                "nije moguce pronaci, ni najden, nije naden"
            ),
            full="je pun, pun, puno, je poln, poln, prekoracio, prepunjen, prepun",
            closed=(
                "deaktiviran, ukinut, zatvoren, obrisan, izbrisan, neaktiven, neaktivan, ukinjen, zaprt, iskljucen"
            ),
            locked="blokiran, suspendiran, zakljucan, zaklenjen",
            unless="ako, ce, mozda, morda",
            many="previse, prevec",
            big="prevelika, prevelik, preveliko, prekoracuje",
        ),
        "baltic": Language(
            recipient=(
                "gavej%, vartotoj%, adresas, pasto dezut%, dezute, paskyra, sanemej%, lietotaj%, adrese, "
                "pastkast%, konts, saaja, kasutaja, aadress, postkast, konto"
            ),
            sender="siuntej%, sutitaj%, saatja",
            domain="domenas, domens, domeen",
            server="server%",
            message="laisk%, zinojum%, vestule, kiri, sonum",
            unknown=(
                "nezinomas, neegzistuoja, nerastas, nerasta, nezinams, neeksiste, nav atrasts, nav atrasta, "
                "tundmatu, ei eksisteeri, ei leitud"
            ),
            full="pilna, perpildyta, virsyta, ir pilna, ir parpildita, on tais",
            closed=(
                "isjungta, uzdaryta, panaikinta, istrinta, neaktyvi, slegts, dzests, deaktivizets, suletud, kustutatud"
            ),
            locked="uzblokuota, bloketa, blokets, peatatud, blokeeritud",
            unless="jei, ja, kui, galbut",
        ),
        "tr": Language(
            recipient=(
                "alici%, alıcı%, kullanici%, kullanıcı%, adres, adresi, e posta adresi, posta kutusu, "
                "posta kutunuz, hesap, hesabi, hesabı, posta hesabi, posta hesabı"
            ),
            sender="hesabınız%, hesabiniz%, adresiniz%, gonderen%, gonderici%",
            domain="alan adi, alan adı, etki alani, etki alanı",
            server="ip adresi, sunucu%",
            message="ileti, mesaj, dosya",
            unknown=(
                "bilinmeyen, bilinmiyor, bulunamadi, bulunamadı, mevcut degil, gecersiz, tanimsiz, tanımsız, "
                "kayitli degil, kayıtlı degil"
            ),
            full=(
                "dolu, doldu, dolmus, dolmustur, kota asildi, kota asıldı, kotasi dolmus, kotası dolmus, "
                "kotasini asmis, kotasını asmıs"
            ),
            closed=(
                "devre dis%, devre dıs%, kapatildi, kapatıldı, kapali, kapalı, silinmis, silindi, "
                "iptal edilmis, pasif, kapatilm%, kapatılm%"
            ),
            locked="askiya alindi, askıya alındı, kilitli, kilitlendi, bloke, engellenmis",
            unless="eger, belki",
            many="cok fazla, fazla sayida",
            big="cok buyuk, boyutu asiyor, sınırını asıyor",
            none="yok, yoktur, bulunmuyor, bulunmamaktadir, bulunmamaktadır",
        ),
        "el": Language(
            recipient="παραληπτ%, χρηστη%, διευθυνση, διευθυνσης, γραμματοκιβωτιο%, θυριδα, λογαριασμο%",
            sender="αποστολε%",
            domain="τομεα%",
            server="διευθυνση ip, διακομιστη%",
            message="μηνυμα, μηνυματος, αρχειο",
            unknown=(
                "αγνωστος, αγνωστη, αγνωστο, δεν υπαρχει, δεν βρεθηκε, ανυπαρκτη, ανυπαρκτος, "
                "δεν ειναι εγκυρη, δεν ηταν δυνατη η ευρεση"
            ),
            full="ειναι πληρες, πληρες, ειναι γεματο, γεματο, ειναι πληρης, υπερβει, γεματη",
            closed=(
                "απενεργοποι%, ανενεργος, ανενεργη, ανενεργο, διαγραφηκε, διαγραφει, καταργηθηκε, καταργηθει, κλειστος"
            ),
            locked="κλειδωμεν%, ανασταλει, μπλοκαρισμενο%",
            unless="εαν, αν, ισως",
            many="παρα πολλοι, πολλοι",
            big="πολυ μεγαλο, υπερβαινει",
        ),
        "ru": Language(
            recipient=(
                "получател%, пользовател%, адресат%, адрес, адреса, адресу, ящик, ящика, почтовый ящик, "
                "абонент%, учетная запись, учетной записи, аккаунт, аккаунта, имя"
            ),
            sender=(
                "ваш адрес, ваш аккаунт, ваша учетная запись, ваш ящик, ваш почтовый ящик, вашего адреса, "
                "отправител%, адрес отправителя"
            ),
            domain="домен, домена, доменное имя, домен получателя, домена получателя, домен адресата",
            server=(
                "ip адрес, ip адреса, адрес ip, сервер%, хост%, узел, узла, сервер получателя, "
                "сервера получателя, сервер адресата, узел получателя"
            ),
            message="сообщени%, письм%, файл%, вложени%",
            unknown=(
                "неизвестны%, не найдены, неправильный, неверен, не существует, неизвестен, неизвестный, "
                "неизвестна, неизвестного, не найден, не найдена, не найдено, не существуют, "
                "не зарегистрирован, не зарегистрирована, не обнаружен, не обнаружена, не значится, "
                "несуществующ%, нет такого, неверный, недействителен"
            ),
            full=(
                "переполнен, переполнена, заполнен, полон, превысил квоту, превышена квота, превышен размер, "
                "нет места, исчерпан%, превысил лимит, превышена емкость"
            ),
            closed=(
                "отключен, отключена, удален, удалена, закрыт, закрыта, неактивен, неактивна, не активен, "
                "не активна, деактивирован%, не использовался, не используется, больше не обслуживается, "
                "упразднен"
            ),
            locked=(
                "заблокирован, заблокирована, приостановлен%, временно отключен, временно отключена, "
                "временно недоступен, заморожен%"
            ),
            unless="если, возможно, может быть, ли",
            many="слишком много, много, большое количество",
            big=(
                "слишком велик, слишком большое, слишком большой, превышает допустимый, "
                "превышает максимальный, слишком велико"
            ),
            none="отсутствует",
            on="на, в",
            this="этом, нашем, данном, вашем",
        ),
        "uk": Language(
            recipient=(
                "одержувач%, отримувач%, користувач%, адресат%, адреса, адресу, адреси, скринька, скриньку, "
                "скриньки, поштова скринька, обліковий запис, абонент%, атрымальнік%, карыстальнік%, скрыня"
            ),
            sender="ваша адреса, ваш обліковий запис, ваша скринька, відправник%, адраспраўнік%",
            domain="домен, домену, домен одержувача, домен отримувача",
            server="ip адреса, ip адресу, сервер%, сервер одержувача, сервер отримувача",
            message="повідомлен%, лист, листа, файл%",
            unknown=(
                "невідомий, невідома, невідомого, не знайдено, не знайдений, не існує, не існують, "
                "не зареєстрован%, невядомы, не існуе, не знойдзены"
            ),
            full="переповнена, переповнено, заповнена, перевищено, немає місця, перапоўнена",
            closed=(
                "відключена, відключено, видалена, видалено, закрита, закрито, неактивна, неактивний, "
                "деактивован%, вимкнен%"
            ),
            locked="заблокован%, призупинен%, заблакіраван%",
            unless="якщо, можливо, чи, калі",
            many="забагато, занадто багато, багато",
            big="занадто велик%, завеликий, перевищує",
            none="відсутній, відсутня",
        ),
        "bg": Language(
            recipient=(
                "получател%, потребител%, адрес, адреса, адресът, кутия, кутията, пощенска кутия, "
                "пощенската кутия, акаунт%"
            ),
            sender="подател%, изпращач%",
            domain="домейн%",
            server="ip адрес, сървър%",
            message="съобщени%, писмо%, файл%",
            unknown=(
                "непознат, неизвестен, не съществува, не е намерен, не е намерена, няма такъв, няма такава, "
                "несъществува%, не беше намерен"
            ),
            full="е пълна, пълна, препълнена, е препълнена, превишена квота, надхвърлила",
            closed="деактивиран%, изтрит, изтрита, закрит, закрита, неактивен, неактивна, изключен",
            locked="блокиран%, спрян, спряна",
            unless="ако, може би, вероятно",
            many="твърде много",
            big="твърде голям%, прекалено голям%",
        ),
        "ja": Language(
            recipient=(
                "宛先, 受信者, 受取人, ユーザ, 利用者, アドレス, メールボックス, アカウント, 宛名, 会員, "
                "あて先, 送信先, 送り先"
            ),
            sender=(
                "お客様, 送信者, 差出人, 発信者, 送信元, 送信者アドレス, 差出人アドレス, 送信者のアドレス, "
                "差出人のアドレス, 送信元アドレス, 送信元のアドレス, 送信者のメールアドレス, "
                "差出人のメールアドレス, 送信者メールアドレス, 差出人メールアドレス, 発信者アドレス, 発信元"
            ),
            domain="ドメイン",
            server="ip アドレス, ipアドレス, サーバ, ホスト",
            message="メールは, メールが, 本メール, メッセージ, ファイル, 添付",
            unknown=(
                "存在しません, 存在しない, 存在していません, 見つかりません, 見つかりませんでした, "
                "見つからない, 見つからなかった, 見当たりません, 見当たらない, 見当たらず, 不明です, 不明な, "
                "登録されていません, 無効です, 該当なし, 不明, 知りません, 使われておりません, "
                "使われていません, 使用されておりません, 使用されていません, 登録がありません"
            ),
            full=(
                "いっぱい, 一杯, 満杯, 容量を超え, 容量が超過, 容量オーバ, 容量超過, 空きがありません, "
                "容量不足, 制限を超え, 上限を超え, 上限に達し"
            ),
            closed=(
                "無効になっています, 無効化され, 削除され, 廃止され, 解約, 退会, 閉鎖され, 無効とな, 抹消, "
                "契約が終了, 使用できなくな, 利用できなくな"
            ),
            locked="停止, 凍結, ロックされ, 一時的に利用でき, 制限され",
            unless="場合, もし, 可能性",
            many="多数の, 多すぎ, 大量",
            big="大きすぎ, サイズが制限, サイズ制限, サイズの上限",
            none="登録がありません, ありません, おりません, いません",
        ),
        "zh": Language(
            recipient=(
                "收件人, 收信人, 收件者, 收信者, 用户, 用戶, 使用者, 邮箱, 郵箱, 信箱, 邮件地址, 郵件地址, "
                "电子邮件地址, 電子郵件地址, 帐号, 账号, 帳號, 账户, 帐户, 帳戶, 地址, 对方, 對方"
            ),
            sender=(
                "您的帐号, 您的账号, 您的帳號, 您的邮箱, 您的地址, 您的邮件地址, 你的帐号, 您的域名, 发件人, "
                "發件人, 发信人, 發信人, 寄件者, 寄件人, 发件人地址, 发件地址, 发信地址, 寄件者地址, "
                "发件人邮箱, 寄件者的電子郵件地址, 发件人邮件地址, 发件邮箱, 发件, 发信, 寄件, 發件, 發信"
            ),
            domain="域名, 網域, 域",
            server="ip 地址, ip地址, ip, 服务器, 伺服器, 主机, 主機",
            message="附件, 文件, 档案, 檔案",
            unknown=(
                "不存在, 未找到, 找不到, 没有找到, 無法找到, 无法找到, 未知, 查无, 查無, 不正确, 不明, 无此, "
                "無此, 无效, 無效, 沒有這個, 没有这个, 不存在或"
            ),
            full=(
                "已满, 已滿, 满了, 滿了, 空间不足, 空間不足, 超出容量, 超过容量, 容量已, 容量不足, 超出配额, "
                "超過配額, 超额, 超過限額, 爆满"
            ),
            closed=(
                "已停用, 被停用, 已禁用, 被禁用, 已注销, 被注销, 已被删除, 已删除, 被删除, 已刪除, 被刪除, "
                "已关闭, 被关闭, 已關閉, 未激活, 已失效, 长期未, 已销户, 停用"
            ),
            locked="冻结, 凍結, 锁定, 鎖定, 暂停, 暫停, 挂起, 封禁, 被封",
            unless="如果, 可能, 若, 是否",
            many="大量, 过多, 過多, 太多, 多次",
            big="过大, 過大, 太大, 大小超",
        ),
        "ko": Language(
            recipient=(
                "수신자, 받는 사람, 받는사람, 받는이, 사용자, 메일 주소, 메일주소, 전자 메일 주소, 주소, "
                "메일함, 사서함, 편지함, 계정, 회원, 수신인"
            ),
            sender=(
                "귀하의 계정, 귀하의 주소, 발신자, 보낸 사람, 보낸사람, 보내는 사람, 송신자, 발송자, "
                "발신자 주소, 보낸 사람의 주소, 보낸 사람의 메일 주소, 발신자 메일 주소"
            ),
            domain="도메인",
            server="ip 주소, 서버, 호스트",
            message="파일, 첨부",
            unknown=(
                "존재하지 않, 없는, 찾을 수 없, 알 수 없는, 알수없는, 등록되지 않, 잘못되었, 올바르지 않, 유효하지 않"
            ),
            full=(
                "가득, 용량이 초과, 용량 초과, 용량을 초과, 꽉 찼, 꽉 차, 한도 초과, 용량이 부족, 용량 부족, "
                "공간이 부족"
            ),
            closed="휴면, 탈퇴, 해지, 삭제된, 삭제되었, 폐쇄, 비활성, 사용 중지, 사용중지, 이용이 중지",
            locked="정지, 잠긴, 잠겨, 차단된 계정",
            unless="경우, 만약, 혹은",
            many="너무 많, 다수의, 대량",
            big="너무 큽, 너무 커, 크기를 초과, 크기가 초과",
            none="없습니다, 없음",
        ),
        "vi": Language(
            recipient="nguoi nhan, nguoi dung, địa chi, đia chi, dia chi, hop thu, tai khoan, hom thu",
            sender="nguoi gui",
            domain="ten mien, mien",
            server="đia chi ip, may chu",
            message="thu, tin nhan, tep",
            unknown="khong ton tai, khong tim thay, khong hop le, khong xac đinh, khong đuoc tim thay",
            full="đay, đa đay, bi đay, đầy, vuot qua dung luong, vuot qua han muc, het dung luong",
            closed=(
                "bi vo hieu hoa, đa bi vo hieu hoa, bi xoa, đa bi xoa, ngung hoat đong, đa đong, khong con hoat đong"
            ),
            locked="bi khoa, đa bi khoa, tam ngung",
            unless="neu, co the",
        ),
        "id": Language(
            recipient=(
                "penerima, pengguna, alamat, alamat email, kotak surat, kotak masuk, kotak pesan, akun, "
                "peti mel, akaun, peti surat"
            ),
            sender="pengirim, penghantar",
            domain="domain",
            server="alamat ip, server, pelayan",
            message="pesan, surat, mesej, berkas",
            unknown=(
                "tidak dikenal, tidak ditemukan, tidak terdaftar, tidak diketahui, tidak dijumpai, "
                "tidak wujud, tidak valid, tidak sah"
            ),
            full="penuh, telah penuh, sudah penuh, melebihi kuota, kelebihan kuota",
            closed="dinonaktifkan, tidak aktif, telah dihapus, dihapus, ditutup, telah ditutup",
            locked="ditangguhkan, diblokir, dibekukan, digantung, dikunci",
            unless="jika, apabila, mungkin, kalau",
            none="tidak ada",
        ),
        "th": Language(
            recipient="ผู้รับ, ผู้ใช้, ที่อยู่, ที่อยู่อีเมล, กล่องจดหมาย, บัญชี, อีเมลแอดเดรส",
            sender="ผู้ส่ง",
            domain="โดเมน",
            server="เซิร์ฟเวอร์",
            message="ไฟล์",
            unknown="ไม่พบ, ไม่มีอยู่, ไม่รู้จัก, ไม่ถูกต้อง, ไม่มีผู้ใช้",
            full="เต็ม",
            closed="ถูกปิด, ปิดใช้งาน, ถูกลบ, ยกเลิก",
            locked="ถูกระงับ, ถูกล็อก, ระงับ",
            unless="หาก, ถ้า, อาจ",
        ),
        "ar": Language(
            recipient=(
                "المستلم, المستلمين, للمستلم, مستلم, المستخدم, عنوان, العنوان, البريد, علبة, صندوق, حساب, الحساب"
            ),
            sender="المرسل",
            domain="النطاق, المجال",
            server="الخادم, خادم",
            message="الرسالة, الملف",
            unknown="غير موجود, غير موجودة, غير معروف, تعذر العثور, لم يتم العثور, غير صالح, غير صحيح",
            full="ممتلئة, ممتلئ, ممتليء, تجاوز الحصة, تجاوزت الحصة, تجاوز حصته",
            closed="معطل, معطلة, محذوف, تم حذف, مغلق, غير نشط, تم تعطيل",
            locked="موقوف, معلق, مقفل, محظور",
            unless="اذا, ربما, قد",
            none="لا يوجد",
        ),
        "he": Language(
            recipient=(
                "נמען, הנמען, לנמען, משתמש, המשתמש, כתובת, הכתובת, כתובת הדואר, תיבת, התיבה, תיבה, "
                "תיבת הדואר, חשבון, החשבון"
            ),
            sender="שולח, השולח",
            domain="תחום, הדומיין, דומיין",
            server="שרת, השרת",
            message="ההודעה, הקובץ",
            unknown=(
                "לא נמצא, לא נמצאה, לא קיים, לא קיימת, אינו קיים, אינה קיימת, לא ידוע, לא ידועה, אינו מוכר, "
                "לא מוכר, שגויה"
            ),
            full="מלאה, מלא, חרג מהמכסה, חרגה מהמכסה, עברה את המכסה",
            closed="מושבת, מושבתת, נסגר, נסגרה, נמחק, נמחקה, לא פעיל, לא פעילה, אינו פעיל, אינה פעילה, בוטלה",
            locked="חסום, חסומה, מושעה, נעול, נעולה, הושעה",
            unless="אם, ייתכן, אולי",
        ),
        "fa": Language(
            recipient="گیرنده, کاربر, آدرس, نشانی, صندوق, صندوق پستی, حساب, مخاطب",
            sender="فرستنده",
            domain="دامنه",
            server="سرور",
            message="پیام, فایل",
            unknown="وجود ندارد, یافت نشد, پیدا نشد, ناشناخته, نامعتبر, موجود نیست",
            full="پر است, پر شده, پر شده است, تکمیل ظرفیت",
            closed="غیر فعال, غیرفعال, حذف شده, بسته شده",
            locked="مسدود, معلق, قفل",
            unless="اگر, شاید",
        ),
    }
)
